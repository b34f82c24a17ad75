"""The request's own headers: strict booleans, `Prefer` (RFC 7240), `Idempotency-Key`, the body and its media type."""

import hashlib
import re
from dataclasses import dataclass
from typing import Any

from fastapi import Request

from hardware_orders.api import strict_json
from hardware_orders.api.problems import Problem, invalid_field
from hardware_orders.intake.idempotency import Key

WAIT_MOST_SECONDS = 30
KEY_MOST_CHARACTERS = 255
_BOOLEANS = {"true": True, "false": False}
_KEY = re.compile(rf"[\x21-\x7e]{{1,{KEY_MOST_CHARACTERS}}}")
# RFC 7240: a name, perhaps `= value`, perhaps parameters; a quoted text may hold commas.
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_PREFERENCE = re.compile(
    rf"(?:^|,)\s*(?P<name>[\w!#$%&'*+.^`|~-]+)(?:\s*=\s*(?P<value>{_QUOTED}|[^\s,;\"]*))?"
    rf"(?:\s*;(?:[^,\"]|{_QUOTED})*)?\s*(?=,|$)"
)
SECONDS_MOST_DIGITS = 9  # more of them mean no other bound


def boolean(request: Request, name: str) -> bool:
    """A header that is `true` or `false`, at most once; absent means false. Raises Problem 400."""
    values = request.headers.getlist(name)
    if not values:
        return False
    if len(values) > 1:
        raise invalid_field(name, "header_repeated", "must be sent once")
    if values[0] not in _BOOLEANS:
        raise invalid_field(name, "not_boolean", "must be `true` or `false`")
    return _BOOLEANS[values[0]]


@dataclass(frozen=True, slots=True)
class Preference:
    """How long the caller wants to wait for the settled order, and what to say about it (`Preference-Applied`)."""

    seconds: float
    applied: str | None


def preference(request: Request, default_seconds: float) -> Preference:
    """RFC 7240: `wait=N` waits up to N seconds, at most 30; `respond-async` alone does not wait. Others are ignored."""
    wanted: dict[str, str] = {}
    for item in _PREFERENCE.finditer(",".join(request.headers.getlist("prefer"))):
        wanted.setdefault(item["name"].lower(), (item["value"] or "").strip('"'))  # of two alike, the first counts
    is_async = wanted.get("respond-async") == ""
    wait = wanted.get("wait", "")
    if wait.isascii() and wait.isdigit():
        seconds = min(int(wait[:SECONDS_MOST_DIGITS]), WAIT_MOST_SECONDS)
        return Preference(seconds, f"respond-async, wait={seconds}" if is_async else f"wait={seconds}")
    return Preference(0, "respond-async") if is_async else Preference(default_seconds, None)


def idempotency_key(request: Request, caller: str, raw: bytes, *semantic: str) -> Key | None:
    """The caller's key with the hash of method, path, semantic headers and body. Raises Problem 400 for a bad one."""
    values = request.headers.getlist("idempotency-key")
    if not values:
        return None
    if len(values) > 1 or not _KEY.fullmatch(values[0]):
        remedy = f"must be sent once, with 1 to {KEY_MOST_CHARACTERS} visible ASCII characters"
        raise invalid_field("Idempotency-Key", "bad_key", remedy)
    digest = hashlib.sha256("\n".join((request.method, request.url.path, *semantic, "")).encode() + raw)
    return Key(caller, values[0], digest.hexdigest())


async def body(request: Request) -> tuple[bytes, str, Any]:
    """The body as bytes, text and parsed value. Raises Problem 400, 413 or 415."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise Problem(415, "Send the body as `Content-Type: application/json`.")
    raw = await _read(request)
    text, value = strict_json.parse(raw)
    return raw, text, value


async def _read(request: Request) -> bytes:
    """The whole body; counted while it arrives, because a chunked one does not say how long it will be."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > strict_json.BODY_MOST_BYTES:
            raise Problem(413, "The body is larger than the 4 MiB that an order may have.", headers=_HANG_UP)
        chunks.append(chunk)
    return b"".join(chunks)


# The rest of a body that is too large is not read; the connection cannot serve another request.
_HANG_UP = {"Connection": "close"}
