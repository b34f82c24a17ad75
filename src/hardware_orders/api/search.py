"""GET `/orders`: the vendor's search with all its parameters, by numbered pages or by a cursor."""

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from hardware_orders.api import answers, cursor, openapi, turns
from hardware_orders.api.authentication import Role
from hardware_orders.api.context import Context, context
from hardware_orders.api.document.search_parameters import (
    LIMIT_MOST,
    MERCHANT_MOST_CHARACTERS,
    PAGE_SIZE,
    PAGE_SIZE_MOST,
    Direction,
)
from hardware_orders.api.problems import invalid_field
from hardware_orders.api.query import Query
from hardware_orders.contract.enums import DetailedStatus, OrderType, Status
from hardware_orders.contract.scalars import MAX_REFERENCE, NOT_BLANK_PATTERN
from hardware_orders.orders import search
from hardware_orders.orders.search import NUMBERED_MOST, DateFilter, Filters, Place, SortBy
from hardware_orders.orders.visible import Entities

router = APIRouter(tags=["Orders"])

CURSOR_MOST_CHARACTERS = 100


@router.get("/orders", **openapi.SEARCH_ORDERS)
async def search_orders(request: Request) -> Response:
    """The caller's orders that match all filters, newest first unless asked otherwise."""
    service = context(request)
    principal = service.authenticator.principal(request, Role.ORDERS_READ, Role.ORDERS_WRITE)
    query = Query(request, openapi.SEARCH_PARAMETERS)
    filters = _filters(query)
    if "cursor" in query or "limit" in query:
        _refuse_numbers(query)
        given = query.text("cursor", CURSOR_MOST_CHARACTERS)
        place = cursor.place(given, filters) if given else None
        limit = query.number("limit", PAGE_SIZE, 1, LIMIT_MOST)
        async with turns.turn(service.searches, "searches"):
            return await run_in_threadpool(_after, service, principal.entities, filters, place, limit)
    number, size = _numbers(query)
    async with turns.turn(service.searches, "searches"):
        return await run_in_threadpool(_numbered, service, principal.entities, filters, number, size)


def _after(service: Context, entities: Entities, filters: Filters, place: Place | None, limit: int) -> Response:
    with service.database.read_for(entities) as connection:
        page = search.after(connection, entities, filters, place, limit)
    return answers.json_answer({**_items(page), "nextCursor": cursor.text(page.last, filters)})


def _numbered(service: Context, entities: Entities, filters: Filters, number: int, size: int) -> Response:
    with service.database.read_for(entities) as connection:
        page, total = search.numbered(connection, entities, filters, number, size)
    counted = min(total, NUMBERED_MOST)
    return answers.json_answer(
        {
            **_items(page),
            "pageNumber": number,
            "pageSize": size,
            "totalPages": -(-counted // size),
            "totalItems": counted,
            **({"totalItemsIsLowerBound": True} if total > counted else {}),
            "nextCursor": cursor.text(page.last, filters),
        }
    )


def _items(page: search.Page) -> dict[str, object]:
    return {"items": [answers.body(order) for order in page.orders]}


def _refuse_numbers(query: Query) -> None:
    for name in ("pageNumber", "pageSize"):
        if name in query:
            raise invalid_field(name, "not_with_cursor", "cannot be sent with cursor or limit; remove it")


def _numbers(query: Query) -> tuple[int, int]:
    number, size = query.number("pageNumber", 1, 1, 2**31), query.number("pageSize", PAGE_SIZE, 1, PAGE_SIZE_MOST)
    if number * size > NUMBERED_MOST:
        remedy = (
            f"times pageSize must be at most {NUMBERED_MOST}; go on from there by the page's nextCursor, as `cursor`"
        )
        raise invalid_field("pageNumber", "too_deep", remedy)
    return number, size


def _filters(query: Query) -> Filters:
    start, end = query.instant("startTime"), query.instant("endTime")
    if start and end and start > end:
        raise invalid_field("endTime", "before_start", "must not lie before startTime")
    # Orders of other types, and merchants' companies, are kept elsewhere: here nothing has them.
    of_company = [query.uuid("merchantCompanyEntityUid"), query.uuids("merchantCompanyEntityUids")]
    other_type = query.word("orderType", OrderType) not in (None, OrderType.HardwareOrder)
    return Filters(
        order_reference=query.text("orderReference", MAX_REFERENCE),
        in_status=query.word("status", Status),
        detailed_status=query.word("detailedStatus", DetailedStatus),
        users=query.uuids("userUids"),
        merchant_name=query.text("merchantCompany", MERCHANT_MOST_CHARACTERS, NOT_BLANK_PATTERN),
        customers=_customers(query.uuid("customerEntityUid"), query.uuids("customerEntityUids")),
        filtered_date=query.word("filterDateType", DateFilter) or DateFilter.CREATED,
        start=start,
        end=end,
        unchanged_since=query.instant("lastChangeTime"),
        is_impossible=other_type or any(company is not None for company in of_company),
        sort_by=query.word("orderBy", SortBy) or SortBy.CREATED,
        newest_first=query.word("order", Direction) not in (Direction.ASCENDING, Direction.ASCENDING_IN_CAPITALS),
    )


def _customers(one: str | None, several: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """The customers that both parameters name."""
    if one is None:
        return several
    return (one,) if several is None or one in several else ()
