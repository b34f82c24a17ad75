"""W3C Trace Context: the two headers by which a request says of which trace it is a part.

They are passed on and never decided by. What is malformed is dropped, not refused: the standard asks for that
(https://www.w3.org/TR/trace-context-1/, sections 3.2 and 3.3), and a broken tracer must stop no order.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

# What every participant must pass on (section 3.3.1.5); a longer list is dropped whole.
STATE_MOST_CHARACTERS = 512
STATE_MOST_MEMBERS = 32

# Versions above 00 may say more behind these four; what is passed on is what version 00 knows of it.
_PARENT = re.compile(
    r"(?P<version>[0-9a-f]{2})-(?P<ids>(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})"
    r"(?P<more>-[\x21-\x7e]*)?"
)
_PARENT_MOST_CHARACTERS = 255
_KEY = r"(?:[a-z][a-z0-9_\-*/]{0,255}|[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13})"
_MEMBER = re.compile(rf"(?P<key>{_KEY})=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{{0,255}}[\x21-\x2b\x2d-\x3c\x3e-\x7e]")


class Trace(NamedTuple):
    """`traceparent` in version 00; `tracestate`, or an empty text."""

    traceparent: str
    tracestate: str = ""

    def as_members(self) -> dict[str, str]:
        """As attributes of an event (CloudEvents' distributed tracing extension) and as headers alike."""
        return {"traceparent": self.traceparent, **({"tracestate": self.tracestate} if self.tracestate else {})}


def of_headers(headers: Iterable[tuple[bytes, bytes]]) -> Trace | None:
    """The trace that a request is part of; None when it names none, or none that can be read."""
    parents: list[bytes] = []
    states: list[bytes] = []
    for name, value in headers:
        if name == b"traceparent":
            parents.append(value)
        elif name == b"tracestate":
            states.append(value)
    if len(parents) != 1:
        return None
    parent = _parent(parents[0].decode("latin-1").strip())
    return Trace(parent, _state(b",".join(states).decode("latin-1"))) if parent else None


def _parent(text: str) -> str | None:
    found = _PARENT.fullmatch(text) if len(text) <= _PARENT_MOST_CHARACTERS else None
    if not found or found["version"] == "ff" or (found["version"] == "00" and found["more"]):
        return None
    return f"00-{found['ids']}-{found['flags']}"


def _state(text: str) -> str:
    if not text or len(text) > STATE_MOST_CHARACTERS:
        return ""
    members = [member for item in text.split(",") if (member := item.strip(" \t"))]
    found = [_MEMBER.fullmatch(member) for member in members]
    keys = {match["key"] for match in found if match}
    return ",".join(members) if len(keys) == len(members) <= STATE_MOST_MEMBERS else ""
