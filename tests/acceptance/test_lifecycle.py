"""After intake, over HTTP: progress by fulfilment, cancelling, discarding, and the table by which all of it goes."""

import concurrent.futures
import json
import uuid
from typing import Any

import pytest
from sqlalchemy import select

from hardware_orders.orders import change, transitions, view
from hardware_orders.tables import order_events
from tests.system import ANN, System, eventually, order

FULFILMENT = {"roles": ("fulfilment",), "sub": "00000000-0000-4000-8000-00000000000f"}
DRAFT = {"saveDraft": "true"}
STRANGER = {"entities": (str(uuid.UUID(int=9)),)}


def made(system: System, headers: dict[str, str] | None = None) -> str:
    with system.client() as client:
        answer = client.post("/orders/hardware", json=order(), headers=headers or {})
    assert answer.status_code == 200
    return str(answer.json()["orderId"])


def report(system: System, order_id: str, status: str, detailed: str | None = None, **members: Any) -> Any:
    body = {"status": status, **({"detailedStatus": detailed} if detailed else {}), **members}
    with system.client(**FULFILMENT) as client:
        return client.post(f"/orders/{order_id}/status", json=body)


def request(system: System, method: str, path: str, body: Any = None, **identity: Any) -> Any:
    with system.client(**identity) as client:
        return client.request(method, path, json=body)


def standing(answer: Any) -> tuple[str, str, bool]:
    assert answer.status_code == 200, answer.text
    shown = answer.json()
    details = shown["internal"]["extendedDetails"]
    return shown["status"], details["status"], details["canCancel"]


def told(system: System, order_id: str) -> list[str]:
    return [event["type"].removeprefix("hardware-orders.order.") for event in timeline(system, order_id)]


def timeline(system: System, order_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = request(system, "GET", f"/orders/{order_id}/events").json()["events"]
    return found


def is_folded(system: System, order_id: str) -> bool:
    """True when the last event tells the row as it stands."""
    with system.database.read() as connection:
        row = change.get(connection, order_id, None, even_discarded=True)
        last = select(order_events.c.data).where(
            order_events.c.order_id == order_id, order_events.c.sequence == row.version
        )
        data = json.loads(connection.execute(last).scalar_one())
    return bool(data["order"] == view.as_json(row))


def test_fulfilment_carries_an_order_to_its_end(system: System) -> None:
    order_id = made(system)
    assert standing(report(system, order_id, "INPROGRESS")) == ("INPROGRESS", "INPROGRESS", True)
    booked = report(system, order_id, "INPROGRESS", "FULFILMENT_BOOKED", orderNumber=4711)
    assert standing(booked) == ("INPROGRESS", "FULFILMENT_BOOKED", True)
    held = report(system, order_id, "ONHOLD", "DOCS_REQUIRED", code="VAT", information="The VAT id is missing.")
    details = held.json()["internal"]["extendedDetails"]
    assert (details["code"], details["information"]) == ("VAT", "The VAT id is missing.")
    shipped = report(system, order_id, "INPROGRESS", "FULFILMENT_SHIPPED", trackingReference="1Z999")
    assert standing(shipped) == ("INPROGRESS", "FULFILMENT_SHIPPED", False)
    assert not {"code", "information"} & shipped.json()["internal"]["extendedDetails"].keys()
    completed = report(system, order_id, "COMPLETED")
    assert standing(completed) == ("COMPLETED", "COMPLETED", False)
    internal = completed.json()["internal"]
    assert (internal["oracleOrderNumber"], internal["oracleShippingTrackingReference"]) == (4711, "1Z999")
    assert internal["orderStats"].keys() == {"minsSinceCreatedToLastUpdate", "minsSinceLastStatusUpdate"}
    assert completed.json()["modifiedUserUid"] == FULFILMENT["sub"]
    assert request(system, "GET", f"/orders/{order_id}").json() == completed.json()
    assert told(system, order_id) == [
        *("received", "submitted"),
        *("progressed", "progressed", "held", "progressed", "completed"),
    ]
    assert is_folded(system, order_id)


def test_one_report_makes_one_event_however_often_and_at_once_it_is_sent(system: System) -> None:
    order_id = made(system)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: report(system, order_id, "INPROGRESS", trackingReference="1Z999"), range(16)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["modifiedDate"] for answer in answers}) == 1
    assert told(system, order_id) == ["received", "submitted", "progressed"]


def test_a_report_that_the_table_forbids_names_what_it_allows_and_leaves_nothing(system: System) -> None:
    order_id, draft = made(system), made(system, DRAFT)
    assert report(system, order_id, "INPROGRESS", "FULFILMENT_SHIPPED").status_code == 200
    before = request(system, "GET", f"/orders/{order_id}").json()
    for status, detailed in [
        ("INPROGRESS", "FULFILMENT_BOOKED"),
        ("INPROGRESS", "OFFER_SENT"),
        ("COMPLETED", "FULFILMENT_SHIPPED"),
        ("RECEIVED", None),
        ("SUBMITTED", None),
        ("CANCELLED", "CANCELED_BYUSER"),
    ]:
        refused = report(system, order_id, status, detailed)
        assert refused.status_code == 409
        assert refused.json()["detail"].endswith(
            "only these can be: INPROGRESS / FULFILMENT_SHIPPED, ONHOLD, ONHOLD / DOCS_REQUIRED,"
            " ONHOLD / DOCS_REQUIRES_ATTENTION, COMPLETED, CANCELLED."
        )
    not_submitted = report(system, draft, "INPROGRESS")
    assert (not_submitted.status_code, not_submitted.json()["detail"]) == (
        409,
        "The order is DRAFT and cannot be reported as INPROGRESS; nothing can be reported of it.",
    )
    assert request(system, "GET", f"/orders/{order_id}").json() == before
    assert told(system, draft) == ["received", "drafted"]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "status"),
        ({"status": "SHIPPED"}, "status"),
        ({"status": "INPROGRESS", "detailedStatus": "LOST"}, "detailedStatus"),
        ({"status": "INPROGRESS", "orderNumber": "4711"}, "orderNumber"),
        ({"status": "INPROGRESS", "trackingReference": "\0"}, "trackingReference"),
        ({"status": "INPROGRESS", "carrier": "X"}, "carrier"),
        ([], None),
    ],
)
def test_a_bad_report_is_refused_with_its_field(system: System, body: Any, param: str | None) -> None:
    refused = request(system, "POST", f"/orders/{uuid.UUID(int=11)}/status", body, **FULFILMENT)
    assert (refused.status_code, refused.json().get("param")) == (400, param)


def test_what_fulfilment_works_on_is_cancelled_by_it_or_not(system: System) -> None:
    order_id = made(system)
    report(system, order_id, "INPROGRESS", "FULFILMENT_PICKED")
    late = {"cancelReasonEnum": "ORDER_LATE", "cancelAdditionalReason": "é\n" * 500}
    cancel = f"/orders/{order_id}/cancel"
    assert standing(request(system, "POST", cancel, late)) == ("INPROGRESS", "CANCEL_REQUESTED", False)
    assert request(system, "POST", cancel, late).status_code == 409
    assert report(system, order_id, "INPROGRESS", "FULFILMENT_SHIPPED").status_code == 409
    assert standing(report(system, order_id, "INPROGRESS", "CANCEL_INPROGRESS"))[1:] == ("CANCEL_INPROGRESS", False)
    failed = report(system, order_id, "INPROGRESS", "CANCEL_ERROR", code="TOO_LATE", information="It was picked.")
    assert standing(failed) == ("INPROGRESS", "CANCEL_ERROR", True)
    assert standing(request(system, "POST", cancel, {"cancelReasonEnum": "OTHER"}))[1] == "CANCEL_REQUESTED"
    ended = report(system, order_id, "CANCELLED")
    assert standing(ended) == ("CANCELLED", "CANCELLED", False)
    first, second = ended.json()["internal"]["cancellationHistory"]
    asked = [event for event in timeline(system, order_id) if event["data"]["actor"]["uid"] == ANN][-2:]
    who = {"cancelledUserUid": ANN, "cancelledBy": "Ann Tester"}
    assert first == {**late, **who, "cancelledDate": asked[0]["time"]}
    assert second == {"cancelReasonEnum": "OTHER", **who, "cancelledDate": asked[1]["time"]}
    assert told(system, order_id)[2:] == ["progressed"] * 5 + ["cancelled"]
    assert is_folded(system, order_id)


def test_a_discarded_draft_is_gone_and_its_timeline_stays(system: System) -> None:
    order_id = made(system, DRAFT)
    path = f"/orders/drafts/{order_id}"
    assert request(system, "DELETE", path, **STRANGER).status_code == 404
    discarded = request(system, "DELETE", path)
    assert (discarded.status_code, discarded.content) == (204, b"")
    for method, gone, body in [
        ("GET", f"/orders/{order_id}", None),
        ("DELETE", path, None),
        ("POST", path, None),
        ("PUT", f"/orders/hardware/{order_id}", order()),
        ("POST", f"/orders/{order_id}/cancel", {"cancelReasonEnum": "OTHER"}),
    ]:
        assert request(system, method, gone, body).status_code == 404, (method, gone)
    assert report(system, order_id, "INPROGRESS").status_code == 404
    assert told(system, order_id) == ["received", "drafted", "discarded"]
    assert request(system, "GET", f"/orders/{order_id}/events", **STRANGER).status_code == 404
    assert is_folded(system, order_id)
    eventually(lambda: [e for _, e in system.stream() if e["subject"] == order_id and e["type"].endswith("discarded")])


def test_what_was_submitted_is_not_discarded(system: System) -> None:
    order_id = made(system)
    refused = request(system, "DELETE", f"/orders/drafts/{order_id}")
    assert (refused.status_code, refused.json()["detail"]) == (
        409,
        "The order is SUBMITTED and cannot be discarded; only an order that has not been submitted can be.",
    )
    assert told(system, order_id) == ["received", "submitted"]


def test_the_table_is_served_to_every_role_that_deals_with_orders(system: System) -> None:
    for role in ("orders:read", "orders:write", "fulfilment"):
        answer = request(system, "GET", "/orders/transitions", roles=(role,))
        assert (answer.status_code, answer.json()) == (200, transitions.as_json())
        assert answer.headers["cache-control"] == "private, max-age=3600"
    assert request(system, "GET", "/orders/transitions", roles=("events:read",)).status_code == 403


def test_only_fulfilment_reports_and_only_of_its_customers(system: System) -> None:
    order_id = made(system)
    body = {"status": "INPROGRESS"}
    path = f"/orders/{order_id}/status"
    assert request(system, "POST", path, body).status_code == 403
    assert request(system, "POST", path, body, **FULFILMENT, **STRANGER).status_code == 404
    assert request(system, "DELETE", f"/orders/drafts/{order_id}", roles=("orders:read",)).status_code == 403
    assert told(system, order_id) == ["received", "submitted"]
