"""Conditional requests (RFC 9110 section 13): entity tags, `If-None-Match` for reading, `If-Match` for changing.

An order's tag is its version, `"7"`, and strong, because `If-Match` takes no weak ones (section 13.1.1). What is
outside the tag are the minutes of `internal.orderStats`: they pass by themselves, from instants that the order shows;
no order changes with them, and an order that is compared, kept or sent back is the same. How far a waiting order has
come (`internal.processing`) is outside it as well, so that such an order is shown whole, whatever the caller has.
"""

import re
from collections.abc import Collection

from fastapi import Request

from hardware_orders.api.problems import invalid_field

_TAG = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')
_VERSION = re.compile("[1-9][0-9]{0,9}")
_ANY = "*"
# Stands for a tag that was read; no header can hold it.
_READ = "\0"


def etag(version: int) -> dict[str, str]:
    """The header of an answer that shows the order at this version."""
    return {"ETag": f'"{version}"'}


def expected(request: Request) -> Collection[int] | None:
    """The versions that `If-Match` allows to be changed; None for any. A weak tag matches none.

    Raises Problem 400 for what is no list of tags, and for `If-None-Match`: passed over, it would change what the caller
    has said must not be there (section 13.1.2).
    """
    if "if-none-match" in request.headers:
        raise invalid_field("If-None-Match", "not_for_changes", "is for reading; send If-Match, or neither")
    tags = _tags(request, "If-Match")
    if tags is None or isinstance(tags, str):
        return None  # `*` asks for an order that exists, and without one the answer is 404 in any case
    return {int(opaque) for weak, opaque in tags if not weak and _VERSION.fullmatch(opaque)}


def is_known(request: Request, version: int) -> bool:
    """True when `If-None-Match` says that the caller has this version: the answer is 304. Raises Problem 400."""
    tags = _tags(request, "If-None-Match")
    if tags is None or isinstance(tags, str):
        return tags is not None
    return any(opaque == str(version) for _, opaque in tags)  # weak and strong alike (section 13.1.2)


def _tags(request: Request, name: str) -> list[tuple[str, str]] | str | None:
    """The header's tags, each as (`W/` or nothing, what is between the quotes); `*`; or None without the header."""
    values = request.headers.getlist(name)
    if not values:
        return None
    text = ",".join(values).strip(" \t")
    if text == _ANY:
        return _ANY
    between = {part.strip(" \t") for part in _TAG.sub(_READ, text).split(",")}
    if _READ not in between or between - {_READ, ""}:
        raise invalid_field(name, "bad_entity_tag", 'must be `*`, or entity tags as an ETag gave them, such as "7"')
    return _TAG.findall(text)
