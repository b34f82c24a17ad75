"""The request's own headers: strict booleans, `Prefer` (RFC 7240), `Idempotency-Key`; and the body."""

import hashlib
import re
from dataclasses import dataclass
from typing import Any

from fastapi import Request

from hardware_orders.api import bodies, strict_json
from hardware_orders.api.problems import invalid_field
from hardware_orders.intake.idempotency import Key
from hardware_orders.orders.commands import Submission
from hardware_orders.orders.status import Intent

WAIT_MOST_SECONDS = 30
KEY_MOST_CHARACTERS = 255
_BOOLEANS = {"true": True, "false": False}
PORTFOLIO_VERSION = "X-Portfolio-Version"
PORTFOLIO_VERSIONS: dict[str, Submission] = {"pinned": Intent.PINNED, "latest": Intent.LATEST}
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
    value = _once(request, name)
    if value is None:
        return False
    if value not in _BOOLEANS:
        raise invalid_field(name, "not_boolean", "must be `true` or `false`")
    return _BOOLEANS[value]


def portfolio_version(request: Request) -> Submission:
    """Which values a draft is submitted with, by `X-Portfolio-Version`. Raises Problem 400."""
    value = _once(request, PORTFOLIO_VERSION)
    if value is None:
        return Intent.SUBMIT
    if value not in PORTFOLIO_VERSIONS:
        raise invalid_field(PORTFOLIO_VERSION, "not_a_portfolio_version", "must be `pinned` or `latest`")
    return PORTFOLIO_VERSIONS[value]


def _once(request: Request, name: str) -> str | None:
    values = request.headers.getlist(name)
    if len(values) > 1:
        raise invalid_field(name, "header_repeated", "must be sent once")
    # blanks around a value are no part of it (RFC 9110, section 5.5)
    return values[0].strip() if values else None


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
    key = key_text(request)
    if key is None:
        return None
    digest = hashlib.sha256("\n".join((request.method, request.scope["path"], *semantic, "")).encode() + raw)
    return Key(caller, key, digest.hexdigest())


def key_text(request: Request) -> str | None:
    """The caller's own Idempotency-Key. Raises Problem 400 for a bad one."""
    values = request.headers.getlist("idempotency-key")
    if not values:
        return None
    if len(values) > 1 or not is_key(values[0]):
        remedy = f"must be sent once, with 1 to {KEY_MOST_CHARACTERS} visible ASCII characters"
        raise invalid_field("Idempotency-Key", "bad_key", remedy)
    return values[0]


def is_key(text: str) -> bool:
    return _KEY.fullmatch(text) is not None


async def body(request: Request) -> tuple[bytes, str, Any]:
    """The body as bytes, text and parsed value. Raises Problem 400, 413 or 415; OverloadedError."""
    raw = await bodies.read(request)
    text, value = strict_json.parse(raw)
    return raw, text, value
