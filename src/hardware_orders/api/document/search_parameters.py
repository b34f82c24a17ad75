"""The parameters of a search: the vendor's, with what they mean here, and those of the cursor."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from hardware_orders.api.query import LIST_MOST_VALUES
from hardware_orders.contract.enums import DetailedStatus, OrderType, Status
from hardware_orders.contract.scalars import MAX_REFERENCE, UUID_PATTERN
from hardware_orders.orders.search import NUMBERED_MOST, DateFilter, SortBy

PAGE_SIZE = 50  # the vendor's default, and its most
PAGE_SIZE_MOST = 100
LIMIT_MOST = 500
MERCHANT_MOST_CHARACTERS = 100


class Direction(StrEnum):
    """The direction of sorting. The vendor's page leaves its spelling open."""

    ASCENDING = "asc"
    DESCENDING = "desc"
    ASCENDING_IN_CAPITALS = "ASC"
    DESCENDING_IN_CAPITALS = "DESC"


_UUID = {"type": "string", "format": "uuid", "pattern": UUID_PATTERN}
_UUIDS = {"type": "array", "items": _UUID, "minItems": 1, "maxItems": LIST_MOST_VALUES}
_INSTANT = {"type": "string", "format": "date-time"}


def _query(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": schema, "description": description}


def _words(enumeration: Iterable[StrEnum], *, default: StrEnum | None = None) -> dict[str, Any]:
    said = {"type": "string", "enum": [word.value for word in enumeration]}
    return said if default is None else {**said, "default": default.value}


_LISTED = "Separated by commas, or repeated."
SEARCH = [
    _query("orderReference", {"type": "string", "minLength": 1, "maxLength": MAX_REFERENCE}, "Exactly this reference."),
    _query("status", _words(Status), "Orders of this status."),
    _query("detailedStatus", _words(DetailedStatus), "Orders of this detailed status."),
    _query(
        "orderType",
        _words(OrderType, default=OrderType.HardwareOrder),
        "This service has hardware orders only, so that is the default; of any other type there are none.",
    ),
    _query(
        "filterDateType",
        _words(DateFilter, default=DateFilter.CREATED),
        "The date that `startTime` and `endTime` are about. An order without that date is not found by it.",
    ),
    _query("userUids", _UUIDS, f"Orders that one of these users created, or modified last. {_LISTED}"),
    _query("startTime", _INSTANT, "From this instant, inclusive."),
    _query("endTime", _INSTANT, "To this instant, inclusive."),
    _query("lastChangeTime", _INSTANT, "Orders whose status last changed before this instant: those that do not move."),
    _query(
        "merchantCompany",
        {"type": "string", "minLength": 1, "maxLength": MERCHANT_MOST_CHARACTERS},
        "Exactly this `merchant.merchantName`.",
    ),
    _query(
        "merchantCompanyEntityUid", _UUID, "Hardware orders name no merchant company entity, so none is found by one."
    ),
    _query("merchantCompanyEntityUids", _UUIDS, f"As `merchantCompanyEntityUid`. {_LISTED}"),
    _query("customerEntityUids", _UUIDS, f"Orders for one of these customers. {_LISTED}"),
    _query("customerEntityUid", _UUID, "Orders for this customer; with `customerEntityUids`, for one that both name."),
    # What excludes another parameter has no default in its schema: clients that are generated would always send both.
    _query(
        "pageNumber",
        {"type": "integer", "minimum": 1},
        f"The page; absent, the first. Pages reach as far as the first {NUMBERED_MOST:,} orders; a cursor goes on from there.",
    ),
    _query(
        "pageSize",
        {"type": "integer", "minimum": 1, "maximum": PAGE_SIZE_MOST},
        f"Orders on a page; absent, {PAGE_SIZE}.",
    ),
    _query(
        "order",
        # Taken in capitals too. The document has one spelling, for generators that make a constant of each value.
        _words((Direction.ASCENDING, Direction.DESCENDING), default=Direction.DESCENDING),
        "The direction: the oldest first, or the newest. May be written in capitals.",
    ),
    _query(
        "orderBy",
        _words(SortBy, default=SortBy.CREATED),
        "The date that orders are sorted by. By `modifiedDate` all that match are read first: use it with other filters.",
    ),
    _query(
        "cursor",
        {"type": "string"},
        "The `nextCursor` of the page before, with the same filters and sorting; not with `pageNumber` and `pageSize`.",
    ),
    _query(
        "limit",
        {"type": "integer", "minimum": 1, "maximum": LIMIT_MOST},
        f"At most so many orders, fewer when they are large; absent, {PAGE_SIZE}. Not with `pageNumber` and `pageSize`.",
    ),
]
