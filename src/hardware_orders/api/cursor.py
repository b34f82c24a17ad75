"""Cursors: where a page ended, as text that clients hand back without looking into it.

A cursor is bound to its filters and sorting by a digest, so that it is refused beside others and when it was altered.
It is no secret and opens nothing: whatever place it names, the caller finds only what is visible to it.
"""

import base64
import binascii
import hashlib
import struct
import uuid
from datetime import UTC, datetime, timedelta

from hardware_orders import canonical
from hardware_orders.api.problems import Problem, invalid_field
from hardware_orders.orders.search import Filters, Place

# Microseconds since 1970, the order's id, the digest.
_LAYOUT = struct.Struct(">q16s8s")
_CHARACTERS = 43  # of its 32 bytes in base64url without padding
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def text(place: Place | None, filters: Filters) -> str | None:
    """The cursor of the place where a page of these filters ended; None when nothing is behind it."""
    if place is None:
        return None
    instant, order_id = (place.instant - _EPOCH) // timedelta(microseconds=1), uuid.UUID(place.order_id).bytes
    bound = canonical.text([filters._asdict(), instant, place.order_id]).encode()
    packed = _LAYOUT.pack(instant, order_id, hashlib.sha256(bound).digest()[:8])
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def place(cursor: str, filters: Filters) -> Place:
    """The place that the cursor names. Raises Problem 400 when it was not given for these filters and this sorting."""
    try:
        packed = base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (len(cursor) == _CHARACTERS))
        instant, order_id, _ = _LAYOUT.unpack(packed)
        named = Place(_EPOCH + timedelta(microseconds=instant), str(uuid.UUID(bytes=order_id)))
    except (UnicodeEncodeError, binascii.Error, struct.error, OverflowError):
        raise _refused() from None
    if text(named, filters) != cursor:
        raise _refused()
    return named


def _refused() -> Problem:
    remedy = "must be a nextCursor, unaltered, beside the filters and the sorting that it was given for"
    return invalid_field("cursor", "bad_cursor", remedy)
