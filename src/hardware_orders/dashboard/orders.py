"""*Orders*: found by reference, customer, status, date or words; with counters that follow the filter."""

from typing import Any
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from hardware_orders import identifiers
from hardware_orders.api import cursor, turns
from hardware_orders.api.problems import Problem
from hardware_orders.contract.enums import Status
from hardware_orders.contract.scalars import MAX_REFERENCE
from hardware_orders.dashboard.pages import Visit
from hardware_orders.orders import listing
from hardware_orders.orders.listing import LOOKED_AT_MOST, Counted, Listing
from hardware_orders.orders.search import Filters, Place

PAGE_ORDERS = 50
WORDS_MOST_CHARACTERS = 100
FIELDS = ("reference", "customer", "status", "words")


async def page(visit: Visit) -> Response:
    """A page of orders. An order's id, in whichever field, leads to the order itself."""
    sent = {name: visit.field(name) for name in FIELDS}
    wanted = {name: value for name, value in sent.items() if value}
    if identifiers.is_uuid(sent["words"].lower()):
        return visit.to(f"/dashboard/orders/{sent['words'].lower()}")
    faults = _faults(sent)
    if faults:
        empty, nothing = Listing((), None, is_cut=False), Counted({}, is_cut=False)
        return visit.page("orders", 422, **_shown(wanted, sent, empty, nothing), faults=faults, is_first=True)
    filters = Filters(
        order_reference=sent["reference"] or None,
        in_status=Status(sent["status"]) if sent["status"] else None,
        customers=(sent["customer"].lower(),) if sent["customer"] else None,
        merchant_name=None,
    )
    words = sent["words"] or None
    place = cursor.place(visit.field("behind"), _bound(filters, words)) if visit.field("behind") else None
    async with turns.turn(visit.service.searches, "searches"):
        found, counted = await run_in_threadpool(_find, visit, filters, words, place)
    shown = _shown(wanted, sent, found, counted)
    behind = cursor.text(found.last, _bound(filters, words))
    if behind:
        shown["further"] = "/dashboard/orders?" + urlencode({**wanted, "behind": behind})
    return visit.page("orders", **shown, faults={}, is_first=place is None)


def _find(visit: Visit, filters: Filters, words: str | None, place: Place | None) -> tuple[Listing, Counted]:
    entities = visit.principal.entities
    with visit.service.database.read_for(entities) as connection:
        found = listing.page(connection, entities, filters, words, place=place, limit=PAGE_ORDERS)
        return found, listing.counted(connection, entities, filters, words)


def _bound(filters: Filters, words: str | None) -> Filters:
    """What a cursor is bound to: the words as well, in the place of a filter that this page does not have."""
    return filters._replace(merchant_name=words)


def _faults(sent: dict[str, str]) -> dict[str, str]:
    faults = {}
    if sent["customer"] and not identifiers.is_uuid(sent["customer"].lower()):
        faults["customer"] = "Write the customer's whole UUID, with hyphens."
    if len(sent["reference"]) > MAX_REFERENCE:
        faults["reference"] = f"A reference has at most {MAX_REFERENCE} characters."
    if len(sent["words"]) > WORDS_MOST_CHARACTERS:
        faults["words"] = f"Search for at most {WORDS_MOST_CHARACTERS} characters."
    if sent["status"] and sent["status"] not in set(Status):
        faults["status"] = "Choose one of the statuses."
    if any("\x00" in value for value in sent.values()):
        raise Problem(400, "A search holds no zero bytes.")
    return faults


def _shown(wanted: dict[str, str], sent: dict[str, str], found: Listing, counted: Counted) -> dict[str, Any]:
    others = {name: value for name, value in wanted.items() if name != "status"}
    every: list[tuple[str, str, int]] = [("", "All", sum(counted.statuses.values()))]
    every += [(status.value, status.value, counted.statuses.get(status, 0)) for status in Status]
    tabs = [(name, label, count, _address(others | ({"status": name} if name else {}))) for name, label, count in every]
    return {
        "sent": sent,
        "is_filtered": bool(wanted),
        "found": found,
        "tabs": tabs,
        "counts_are_cut": counted.is_cut,
        "looked_at_most": LOOKED_AT_MOST,
        "further": None,
        "first": _address(wanted),
    }


def _address(fields: dict[str, str]) -> str:
    return "/dashboard/orders" + (f"?{urlencode(fields)}" if fields else "")
