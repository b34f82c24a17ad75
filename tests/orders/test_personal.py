"""What is about a person: every member of an order is classified, and nothing of a person stays."""

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest

from hardware_orders import canonical
from hardware_orders.api.document import schemas
from hardware_orders.contract.enums import Status
from hardware_orders.errors import NotAllowedError
from hardware_orders.orders import events, personal, view
from hardware_orders.orders.commands import Erase
from hardware_orders.orders.decide import decide
from hardware_orders.orders.order import Order
from hardware_orders.orders.status import EventType
from hardware_orders.portfolio.layer import DerivedField
from tests.orders.samples import ADA, BOB, NOW, PORTFOLIO, a_body, an_order, as_sent
from tests.orders.test_lifecycle import applied

SCHEMAS = schemas.schemas()
CANARY = "Zebulon"
# Only an answer has it; no order and no event keeps it.
PASSING = ("/internal/orderStats/", "/internal/processing/")


def leaves(schema: dict[str, Any], pointer: str = "") -> Iterator[str]:
    """The pointers of all members that hold a value, as `personal` writes them."""
    if "$ref" in schema:
        yield from leaves(SCHEMAS[schema["$ref"].rpartition("/")[2]], pointer)
    elif "properties" in schema:
        for name, member in schema["properties"].items():
            yield from leaves(member, f"{pointer}/{name}")
    elif schema.get("type") == "array":
        yield from leaves(schema["items"], f"{pointer}/*")
    else:
        yield pointer


def planted(schema: dict[str, Any]) -> Any:
    """A value that the canary is in wherever a string is free, with every member there is."""
    if "$ref" in schema:
        return planted(SCHEMAS[schema["$ref"].rpartition("/")[2]])
    if "properties" in schema:
        return {name: planted(member) for name, member in schema["properties"].items()}
    if schema.get("type") == "array":
        return [planted(schema["items"])]
    return CANARY if schema.get("type", "string") == "string" else 7


def a_personal_order(**members: Any) -> Order:
    body = planted(SCHEMAS["HardwareOrder"]) | a_body()
    derived = DerivedField("/merchant/merchantName", CANARY, "default", PORTFOLIO, 1, "The portfolio's.")
    cancellation = {"cancelReasonEnum": "OTHER", "cancelAdditionalReason": CANARY, "cancelledBy": "Ada"}
    told = {"information": CANARY, "tracking_reference": CANARY, "cancellations": (cancellation,)}
    values = {"sent": as_sent(body), "body": body, "derived": (derived,), "status": Status.COMPLETED, **told, **members}
    return an_order(values.pop("status"), **values)


def test_every_member_of_an_order_is_classified_once() -> None:
    classified = dict.fromkeys(personal.ERASED, False) | dict.fromkeys(personal.KEPT, True)
    assert len(classified) == len(personal.ERASED) + len(personal.KEPT)
    used = set()
    for leaf in leaves(SCHEMAS["Order"]):
        if leaf.startswith(PASSING):
            continue
        erased = [pointer for pointer in personal.ERASED if f"{leaf}/".startswith(f"{pointer}/")]
        kept = [leaf] if leaf in personal.KEPT else []
        assert len(erased + kept) == 1, f"{leaf} is to be put into one table of orders/personal.py"
        used.update(erased + kept)
    assert used == set(classified)


def test_nothing_about_a_person_stays_in_an_order() -> None:
    erased = personal.erased(a_personal_order())
    shown = view.as_json(erased)
    kept = {pointer for pointer in personal.KEPT if pointer.startswith(("/merchant/", "/packageDetails/"))}
    assert {leaf for leaf in leaves(SCHEMAS["HardwareOrder"]) if f"{leaf}/".startswith(personal.ERASED)}
    assert kept == {pointer for pointer in pointers(shown) if pointer in kept}
    assert not set(personal.ERASED) & set(pointers(shown))
    assert (erased.derived, erased.information, erased.tracking_reference) == ((), None, None)
    assert erased.cancellations == ({"cancelReasonEnum": "OTHER", "cancelledBy": "Ada"},)
    assert json.loads(erased.sent) == erased.body
    assert personal.erased(erased) == erased


def pointers(value: Any, pointer: str = "") -> Iterator[str]:
    yield pointer
    if isinstance(value, dict):
        for name, member in value.items():
            yield from pointers(member, f"{pointer}/{name}")
    elif isinstance(value, list):
        for item in value:
            yield from pointers(item, f"{pointer}/*")


def test_what_has_no_place_in_the_tables_is_erased() -> None:
    assert personal.without({"orderReference": "R", "new": CANARY, "merchant": {"mcc": "5812", "new": [CANARY]}}) == {
        "orderReference": "R",
        "merchant": {"mcc": "5812"},
    }
    assert personal.without({"merchant": CANARY, "poRef": "P"}) == {"poRef": "P"}


def test_an_order_that_is_over_is_erased_by_one_event_that_tells_nothing_of_it() -> None:
    before = a_personal_order()
    decision = decide(before, Erase(BOB), NOW)
    after, row = events.record(personal.erased(before), decision)
    assert (after.version, after.state, after.erased_at, row["type"]) == (4, before.state, NOW, EventType.ERASED)
    changes = json.loads(row["data"])["changes"]
    assert {change["pointer"] for change in changes} == {
        "/internal/extendedDetails/personalDataErased",
        "/modifiedBy",
        "/modifiedDate",
        "/modifiedUserUid",
    }
    again = decide(after, Erase(ADA), NOW)
    assert (again.order, again.event) == (after, None)


@pytest.mark.parametrize("status", sorted(set(Status) - {Status.COMPLETED, Status.CANCELLED}))
def test_an_order_that_is_not_over_is_refused_with_what_to_do(status: Status) -> None:
    with pytest.raises(NotAllowedError, match="cannot be erased; only an order that is over can be: cancel it first"):
        decide(an_order(status), Erase(BOB), NOW)


def test_erased_events_still_lead_from_one_version_to_the_next() -> None:
    bodies = [
        a_body(merchant={"merchantName": CANARY}),
        a_body(merchant={"merchantName": CANARY, "mcc": "5812"}, notes=CANARY),
        a_body(merchant={"primaryContact": {"email": CANARY}, "pois": [{"devicePackage": {"quantity": 1}}]}),
        a_body(additionalOrderData=[{"variableName": "vatId", "variableValue": CANARY}]),
    ]
    versions = [an_order(Status.DRAFT, sent=as_sent(body), body=body, derived=()) for body in bodies]
    fields = [(), (DerivedField("/notes", CANARY, "default", PORTFOLIO, 1, "r"),), (), ()]
    shown = [view.as_json(order._replace(derived=row)) for order, row in zip(versions, fields, strict=True)]
    for before, after in itertools.pairwise(shown):
        data = {"previousStatus": "DRAFT", "status": "DRAFT", "changes": events.changes(before, after), "order": after}
        told = personal.without_in_data(data)
        assert CANARY not in canonical.text(told)
        assert told["erased"] is True
        assert applied(personal.without(before), told["changes"]) == told["order"] == personal.without(after)
