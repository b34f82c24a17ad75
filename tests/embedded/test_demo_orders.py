"""The demo's steps against a scripted service on a real socket: the right operations, and a failure that says why."""

from collections.abc import Iterator
from typing import Any

import pytest

from hardware_orders.client import Client
from hardware_orders.embedded import demo_orders
from hardware_orders.embedded.demo_orders import DemoFailedError, send
from tests.client.scripted import ORDER_ID, Service, answers, order, refuses, serving

BODY = {"orderReference": "R"}
DRAFT = {"do": "create", "saveDraft": True, "simplified": True, "body": BODY}
NUMBERED = {"events": [{"data": {"position": 1, "sequence": 1}}], "nextAfter": 1}
UNNUMBERED = {"events": [{"data": {"position": None, "sequence": 1}}], "nextAfter": 0}


@pytest.fixture
def service() -> Iterator[Service]:
    with serving() as service:
        yield service


@pytest.fixture
def client(service: Service) -> Iterator[Client]:
    with Client(service.url, "TOKEN", tries=1) as client:
        yield client


def test_every_step_goes_to_its_operation(service: Service, client: Client) -> None:
    service.script = [
        *[answers(200, order(status="DRAFT"))] * 5,
        answers(200, UNNUMBERED),
        answers(200, NUMBERED),
    ]
    cancellation = {"cancelReasonEnum": "OTHER", "cancelAdditionalReason": "Two docks too many."}
    steps: list[dict[str, Any]] = [
        DRAFT,
        {"do": "replace", "body": {"orderReference": "S"}},
        {"do": "submit"},
        {"do": "cancel", "body": cancellation},
    ]
    (outcome,) = send(client, [{"title": "T", "steps": steps}])
    assert outcome.order
    assert (outcome.title, outcome.order.json, outcome.refusal) == ("T", order(status="DRAFT"), None)
    assert [event.json for event in outcome.events] == NUMBERED["events"]
    assert [(asked.line.partition("?")[0], asked.body) for asked in service.asked] == [
        ("POST /orders/hardware", BODY),
        (f"PUT /orders/hardware/{ORDER_ID}", {"orderReference": "S"}),
        (f"POST /orders/drafts/{ORDER_ID}", None),
        (f"POST /orders/{ORDER_ID}/cancel", cancellation),
        (f"GET /orders/{ORDER_ID}", None),
        (f"GET /orders/{ORDER_ID}/events", None),
        (f"GET /orders/{ORDER_ID}/events", None),
    ]
    flags = ("savedraft", "x-use-simplified-order-flow", "prefer")
    assert [service.asked[0].headers[name] for name in flags] == ["true", "true", "wait=30"]


@pytest.mark.parametrize("status", [400, 409, 422])
def test_a_refusal_is_an_outcome_and_ends_the_steps(service: Service, client: Client, status: int) -> None:
    service.script = [refuses(status, "no")]
    (outcome,) = send(client, [{"title": "T", "steps": [DRAFT, {"do": "submit"}]}])
    assert outcome.order is None
    assert outcome.refusal
    assert (outcome.refusal.status, str(outcome.refusal)) == (status, "no")
    assert len(service.asked) == 1


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 503])
def test_any_other_answer_fails_the_demo(service: Service, client: Client, status: int) -> None:
    service.script = [refuses(status, "a reason")]
    with pytest.raises(DemoFailedError, match=r"the step 'create' failed: .*a reason"):
        send(client, [{"title": "T", "steps": [DRAFT]}])


def test_an_order_that_nobody_settles_fails_the_demo(
    service: Service, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo_orders, "WAIT_SECONDS", 0)
    service.script = [answers(202, order(status="RECEIVED")), answers(200, order(status="RECEIVED"))]
    with pytest.raises(DemoFailedError, match=f"Order {ORDER_ID} is stored, but was not settled"):
        send(client, [{"title": "T", "steps": [DRAFT]}])


def test_events_that_nobody_numbers_fail_the_demo(
    service: Service, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo_orders, "NUMBERED_SECONDS", 0)
    service.script = [answers(200, order()), answers(200, order()), answers(200, UNNUMBERED)]
    with pytest.raises(DemoFailedError, match=f"order {ORDER_ID} have no position yet"):
        send(client, [{"title": "T", "steps": [DRAFT]}])
