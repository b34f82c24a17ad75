"""How an order is shown: every member at its place, absent ones left out, and nothing of the order's own touched."""

from copy import deepcopy
from typing import Any

import pytest

from hardware_orders.actor import SERVICE
from hardware_orders.contract.enums import DetailedStatus, Status
from hardware_orders.orders.order import Order
from hardware_orders.orders.status import Intent
from hardware_orders.orders.view import READ_ONLY_MEMBERS, as_json
from hardware_orders.portfolio.layer import DerivedField
from tests.orders.samples import CREATED, CUSTOMER, ORDER_ID, PORTFOLIO, a_body, an_order

ROW = DerivedField("/notes", "Ring.", "default", PORTFOLIO, 5, "default")


def test_a_full_order() -> None:
    cancellation = {"cancelReasonEnum": "OTHER", "cancelledBy": "Ada", "cancelledDate": "2026-11-23T08:10:00.000000Z"}
    order = an_order(
        Status.ONHOLD,
        body=a_body(notes="Ring."),
        simplified=True,
        derived=(ROW,),
        code="MISSING_FIELDS",
        information="Required: /poRef.",
        cancellations=(cancellation,),
    )
    assert as_json(order) == {
        "orderReference": "ORD-1",
        "customerEntityUid": CUSTOMER,
        "notes": "Ring.",
        "orderId": ORDER_ID,
        "status": "ONHOLD",
        "orderType": "HardwareOrder",
        "createdUserUid": "u-ada",
        "createdBy": "Ada",
        "createdDate": "2026-11-23T08:00:00.000000Z",
        "modifiedUserUid": "u-ada",
        "modifiedBy": "Ada",
        "modifiedDate": "2026-11-23T08:10:00.000000Z",
        "internal": {
            "extendedDetails": {
                "status": "REQUIRES_ATTENTION",
                "code": "MISSING_FIELDS",
                "information": "Required: /poRef.",
                "lastChangeTime": "2026-11-23T08:00:00.000000Z",
                "canCancel": True,
            },
            "cancellationHistory": [cancellation],
            "derivedFields": [ROW.as_json()],
        },
    }


def test_what_is_absent_is_left_out() -> None:
    order = an_order(Status.RECEIVED, Intent.SUBMIT, created=SERVICE, modified=SERVICE)
    assert as_json(order) == {
        "orderReference": "ORD-1",
        "customerEntityUid": CUSTOMER,
        "orderId": ORDER_ID,
        "status": "RECEIVED",
        "orderType": "HardwareOrder",
        "createdBy": "Hardware Orders",
        "createdDate": "2026-11-23T08:00:00.000000Z",
        "modifiedBy": "Hardware Orders",
        "modifiedDate": "2026-11-23T08:10:00.000000Z",
        "internal": {
            "extendedDetails": {"lastChangeTime": "2026-11-23T08:00:00.000000Z", "canCancel": True},
            "cancellationHistory": [],
        },
    }


def test_the_simplified_flow_shows_that_nothing_was_derived() -> None:
    assert as_json(an_order(Status.DRAFT, simplified=True))["internal"]["derivedFields"] == []


@pytest.mark.parametrize("status", Status)
def test_can_cancel(status: Status) -> None:
    details = as_json(an_order(status))["internal"]["extendedDetails"]
    assert details["canCancel"] == (status not in {"COMPLETED", "CANCELLED"})


def test_what_fulfilment_gives_back_has_the_vendors_names() -> None:
    internal = as_json(an_order(Status.INPROGRESS, tracking_reference="1Z999", order_number=4711))["internal"]
    assert internal["oracleShippingTrackingReference"] == "1Z999"
    assert internal["oracleOrderNumber"] == 4711


def test_every_member_that_the_service_adds_is_read_only() -> None:
    order = an_order(Status.DRAFT)
    assert as_json(order).keys() - order.body.keys() == {*READ_ONLY_MEMBERS, "internal"}


def test_changing_what_was_shown_changes_nothing_in_the_order() -> None:
    order = an_order(Status.DRAFT, simplified=True, derived=(ROW,), cancellations=({"cancelReasonEnum": "OTHER"},))
    kept = deepcopy(order)
    shown: dict[str, Any] = as_json(order)
    shown["internal"]["extendedDetails"]["code"] = "X"
    shown["internal"]["cancellationHistory"].clear()
    shown["internal"]["derivedFields"][0]["value"] = "X"
    shown.clear()
    assert order == kept
    assert order.body == kept.body


@pytest.mark.parametrize(
    ("order", "is_editable"),
    [
        (an_order(Status.RECEIVED, Intent.DRAFT), True),
        (an_order(Status.RECEIVED, Intent.SUBMIT), False),
        (an_order(Status.DRAFT), True),
        (an_order(Status.DRAFT, Intent.SUBMIT), False),
        (an_order(Status.ONHOLD), True),
        (an_order(Status.ONHOLD, detailed_status=DetailedStatus.ONHOLD), False),
        (an_order(Status.SUBMITTED, submitted_at=CREATED), False),
        (an_order(Status.CANCELLED), False),
    ],
)
def test_editable_means_not_yet_submitted(order: Order, *, is_editable: bool) -> None:
    assert order.is_editable is is_editable
