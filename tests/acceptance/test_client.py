"""The client against a whole running system, on every backend."""

import concurrent.futures
import uuid

import pytest

from hardware_orders.client import Client, ConflictError, ForbiddenError, NotFoundError, RefusedError, UnauthorizedError
from tests.system import ANN, CUSTOMER, System, eventually, order

MIRABEAU = "c0a8f3de-51b2-4e0f-8a6d-7b1e94d2f101"  # a customer of the sample portfolios


def test_an_order_lives_through_the_client(system: System) -> None:
    with system.orders() as client:
        body = order(notes="é 漢", customerEntityUid=uuid.UUID(CUSTOMER))
        draft = client.submit(body, save_draft=True)
        assert (draft.status, draft.is_settled, draft.json["notes"]) == ("DRAFT", True, "é 漢")
        assert draft.customer_entity_uid == CUSTOMER
        replaced = client.replace(draft, {**draft.json, "poRef": "2"})
        assert (replaced.json["poRef"], replaced.json["notes"]) == ("2", "é 漢")
        submitted = client.submit_draft(replaced)
        assert (submitted.status, submitted.can_cancel) == ("SUBMITTED", True)
        cancelled = client.cancel(submitted, "OTHER", "Two docks too many.")
        assert (cancelled.status, cancelled.can_cancel) == ("CANCELLED", False)
        assert client.get(draft.order_id).json == cancelled.json
        told = [(event.type, event.previous_status, event.status) for event in client.events(cancelled)]
        assert told == [
            ("order.received", None, "RECEIVED"),
            ("order.drafted", "RECEIVED", "DRAFT"),
            ("order.replaced", "DRAFT", "DRAFT"),
            ("order.submitted", "DRAFT", "SUBMITTED"),
            ("order.cancelled", "SUBMITTED", "CANCELLED"),
        ]
        numbered = eventually(lambda: [e for e in [[*client.events(cancelled)]] if all(x.position for x in e)])[0]
    assert [event.sequence for event in numbered] == [1, 2, 3, 4, 5]
    assert {event.actor for event in numbered} == {"Ann Tester"}
    assert ("/poRef", "2") in [(change["pointer"], change.get("new")) for change in numbered[2].changes]


def test_text_is_sent_to_the_letter_and_simplified_orders_explain_themselves(system: System) -> None:
    with system.orders() as client:
        sent = f'{{"orderReference": "MIR-1",   "customerEntityUid": "{MIRABEAU}"}}'
        shown = client.submit(sent, simplified=True)
    assert shown.status == "SUBMITTED"
    assert {"default", "computed", "copy"} <= {row["origin"] for row in shown.derived_fields}


def test_one_key_makes_one_order_from_any_thread(system: System) -> None:
    body, key = order(), str(uuid.uuid4())
    with system.orders() as client, concurrent.futures.ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: client.submit(body, idempotency_key=key), range(16)))
        assert len({each.order_id for each in made}) == 1
        with pytest.raises(RefusedError) as raised:
            client.submit({**body, "notes": "another"}, idempotency_key=key)
    assert raised.value.status == 422


def test_who_does_not_wait_is_told_later(system: System) -> None:
    with system.orders() as client:
        waiting = client.submit(order(), wait=0)
        assert (waiting.status, waiting.is_settled) == ("RECEIVED", False)
        settled = client.wait_until_settled(waiting)
        assert (settled.order_id, settled.status) == (waiting.order_id, "SUBMITTED")
        draft = client.submit(order(), save_draft=True)
        submitting = client.submit_draft(draft, wait=0)
        assert (submitting.status, submitting.is_settled) == ("DRAFT", False)
        assert client.wait_until_settled(submitting).status == "SUBMITTED"


def test_refusals_are_typed(system: System) -> None:
    with system.orders() as client:
        with pytest.raises(RefusedError) as invalid:
            client.submit({"orderReference": "", "customerEntityUid": CUSTOMER, "x": 1})
        assert (invalid.value.status, invalid.value.param) == (400, "orderReference")
        assert [error.param for error in invalid.value.errors] == ["orderReference", "x"]
        submitted = client.submit(order())
        with pytest.raises(ConflictError, match="SUBMITTED"):
            client.replace(submitted.order_id, order())
        with pytest.raises(NotFoundError):
            client.get(uuid.UUID(int=11))
    with system.orders(roles=("orders:read",)) as reader, pytest.raises(ForbiddenError):
        reader.submit(order())
    with system.orders(sub=ANN, entities=(str(uuid.UUID(int=9)),)) as stranger, pytest.raises(NotFoundError):
        stranger.get(submitted)
    with Client(system.url, "x.y.z") as client, pytest.raises(UnauthorizedError):
        client.get(submitted)
