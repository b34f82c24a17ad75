"""The path of an order, over HTTP, through a whole running system, on every backend."""

import concurrent.futures
import itertools
import json
import uuid
from collections import Counter
from typing import Any

import pytest
from sqlalchemy import func, select

from hardware_orders import identifiers, instants
from hardware_orders.actor import Actor
from hardware_orders.orders import events, store
from hardware_orders.orders.commands import Receive
from hardware_orders.orders.decide import receive
from hardware_orders.orders.order import NO_HASH
from hardware_orders.orders.status import Intent
from hardware_orders.tables import order_events, orders
from tests.system import ANN, CUSTOMER, System, eventually, order

MIRABEAU = "c0a8f3de-51b2-4e0f-8a6d-7b1e94d2f101"  # a customer of the sample portfolios
SIMPLIFIED = {"X-Use-Simplified-Order-Flow": "true"}
DRAFT = {"saveDraft": "true"}


def post(system: System, body: dict[str, Any], headers: dict[str, str] | None = None, **identity: Any) -> Any:
    with system.client(**identity) as client:
        return client.post("/orders/hardware", json=body, headers=headers or {})


def timeline(system: System, order_id: str) -> list[dict[str, Any]]:
    with system.orders() as client:
        return [dict(event.json) for event in client.events(order_id)]


def rows(system: System) -> tuple[int, int]:
    with system.database.read() as connection:
        count = [
            connection.execute(select(func.count()).select_from(table)).scalar_one() for table in (orders, order_events)
        ]
    return count[0], count[1]


def test_a_submitted_order_is_answered_settled(system: System) -> None:
    body = order(requestedDate="2026-12-01T09:00:00+01:00", poRef="85219587", notes="Ring twice. é\u202e 漢")
    answer = post(system, body)
    assert answer.status_code == 200
    shown = answer.json()
    assert {name: shown[name] for name in body} == body
    assert shown["status"] == "SUBMITTED"
    assert shown["orderType"] == "HardwareOrder"
    assert (shown["createdUserUid"], shown["createdBy"]) == (ANN, "Ann Tester")
    assert (shown["modifiedUserUid"], shown["modifiedBy"]) == (ANN, "Ann Tester")
    details = shown["internal"]["extendedDetails"]
    assert (details["status"], details["canCancel"]) == ("SUBMITTED", True)
    assert details["lastChangeTime"] == shown["modifiedDate"] >= shown["createdDate"]
    assert shown["internal"]["cancellationHistory"] == []
    assert "derivedFields" not in shown["internal"]
    with system.client() as client:
        read = client.get(f"/orders/{shown['orderId']}")
    assert (read.status_code, read.json()) == (200, shown)


def test_the_life_of_a_draft_is_told_in_its_timeline_and_in_the_stream(system: System) -> None:
    draft = post(system, order(notes="first"), DRAFT).json()
    order_id = draft["orderId"]
    assert draft["status"] == "DRAFT"
    with system.client() as client:
        second = order(notes="second", poRef="1")
        replaced = client.put(f"/orders/hardware/{order_id}", json=second)
        assert replaced.status_code == 200
        assert replaced.json()["status"] == "DRAFT"
        assert {name: replaced.json()[name] for name in second} == second
        submitted = client.post(f"/orders/drafts/{order_id}")
        assert (submitted.status_code, submitted.json()["status"]) == (200, "SUBMITTED")
        reason = {"cancelReasonEnum": "WRONG_PRODUCT", "cancelAdditionalReason": "Two docks too many."}
        cancelled = client.post(f"/orders/{order_id}/cancel", json=reason)
    assert cancelled.status_code == 200
    assert cancelled.json()["status"] == "CANCELLED"
    history = cancelled.json()["internal"]["cancellationHistory"]
    assert {**reason, "cancelledUserUid": ANN, "cancelledBy": "Ann Tester"}.items() <= history[0].items()

    moves = [
        ("order.received", None, "RECEIVED"),
        ("order.drafted", "RECEIVED", "DRAFT"),
        ("order.replaced", "DRAFT", "DRAFT"),
        ("order.submitted", "DRAFT", "SUBMITTED"),
        ("order.cancelled", "SUBMITTED", "CANCELLED"),
    ]
    told = eventually(lambda: [e for e in [timeline(system, order_id)] if all(x["data"]["position"] for x in e)])[0]
    assert [
        (e["type"].removeprefix("hardware-orders."), e["data"]["previousStatus"], e["data"]["status"]) for e in told
    ] == moves
    assert [e["data"]["sequence"] for e in told] == [1, 2, 3, 4, 5]
    assert {"pointer": "/notes", "old": "first", "new": "second"} in told[2]["data"]["changes"]
    assert all(e["data"]["actor"] == {"type": "user", "uid": ANN, "name": "Ann Tester"} for e in told)
    streamed = eventually(lambda: _of(system, order_id, len(moves)))
    assert [e["id"] for e in streamed] == [e["id"] for e in told]
    assert [e["data"] for e in streamed] == [e["data"] for e in told]


def _of(system: System, order_id: str, count: int) -> list[dict[str, Any]]:
    found = [event for _, event in system.stream() if event["subject"] == order_id]
    return found if len(found) == count else []


def test_two_fields_become_a_complete_order_and_every_derived_value_is_explained(system: System) -> None:
    body = {"orderReference": "MIR-1", "customerEntityUid": MIRABEAU, "notes": "Only to the back door."}
    shown = post(system, body, SIMPLIFIED).json()
    assert shown["status"] == "SUBMITTED"
    assert shown["notes"] == "Only to the back door."
    assert shown["merchant"]["companyAddress"]["country"] == "FRA"
    derived = shown["internal"]["derivedFields"]
    assert {row["origin"] for row in derived} >= {"default", "computed", "copy"}
    assert all(row["portfolioUid"] and row["version"] and row["rule"] for row in derived)
    for row in derived:
        value: Any = shown
        for step in row["pointer"].removeprefix("/").split("/"):
            value = value[int(step)] if isinstance(value, list) else value[step]
        assert value == row["value"]
    assert "/notes" not in [row["pointer"] for row in derived]
    event = timeline(system, shown["orderId"])[-1]
    assert event["data"]["order"]["internal"]["derivedFields"] == derived


def test_what_is_missing_parks_the_order_and_put_and_submit_mend_it(system: System) -> None:
    with system.orders() as client:
        unknown = client.submit({"orderReference": "X-1", "customerEntityUid": CUSTOMER}, simplified=True)
        seen = (unknown.status, unknown.detailed_status, unknown.code)
        assert seen == ("ONHOLD", "REQUIRES_ATTENTION", "UNKNOWN_CUSTOMER")

        foreign = {"basePackageBundle": {"packageBundleId": "BASE"}, "portfolioUid": str(uuid.UUID(int=7))}
        body = {"orderReference": "X-2", "customerEntityUid": MIRABEAU}
        parked = client.submit({**body, "packageDetails": foreign}, simplified=True)
        assert parked.code == "UNKNOWN_PORTFOLIO"
        mended = client.replace(parked, body)
        assert mended.status == "DRAFT"
        assert mended.json["merchant"]["merchantName"]
        submitted = client.submit_draft(mended)
    assert submitted.status == "SUBMITTED"
    assert submitted.json["requestedDate"] == mended.json["requestedDate"]
    assert submitted.code is None


def test_who_prefers_not_to_wait_gets_202_and_finds_the_order_settled_later(system: System) -> None:
    answer = post(system, order(), {"Prefer": "respond-async"})
    assert answer.status_code == 202
    assert answer.headers["preference-applied"] == "respond-async"
    assert answer.json()["status"] == "RECEIVED"
    assert answer.headers["location"] == f"/orders/{answer.json()['orderId']}"
    with system.client() as client:
        eventually(lambda: client.get(answer.headers["location"]).json()["status"] == "SUBMITTED")


def test_one_key_makes_one_order_however_often_and_at_once_it_is_sent(system: System) -> None:
    body, key = order(), {"Idempotency-Key": str(uuid.uuid4())}
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: post(system, body, key), range(32)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["orderId"] for answer in answers}) == 1
    assert sum("idempotent-replayed" not in answer.headers for answer in answers) == 1
    other = post(system, {**body, "notes": "another"}, key)
    assert other.status_code == 422
    somebody_else = post(system, body, key, sub="00000000-0000-4000-8000-00000000000b")
    assert somebody_else.json()["orderId"] != answers[0].json()["orderId"]


def test_nobody_sees_or_changes_the_orders_of_others(system: System) -> None:
    theirs = post(system, order(), DRAFT).json()["orderId"]
    stranger = {"entities": (str(uuid.UUID(int=9)),)}
    before = rows(system)
    with system.client(**stranger) as client:
        for method, path, body in [
            ("GET", "/orders/{}", None),
            ("GET", "/orders/{}/events", None),
            ("PUT", "/orders/hardware/{}", order()),
            ("POST", "/orders/drafts/{}", None),
            ("DELETE", "/orders/drafts/{}", None),
            ("POST", "/orders/{}/cancel", {"cancelReasonEnum": "OTHER"}),
        ]:
            seen = []
            for order_id in (theirs, str(uuid.UUID(int=11))):
                answer = client.request(method, path.format(order_id), json=body)
                assert answer.status_code == 404, (method, path)
                problem = answer.json()
                seen.append({name: problem[name] for name in problem.keys() - {"timestamp", "instance"}})
            assert seen[0] == seen[1]
        refused = client.post("/orders/hardware", json=order())
    assert (refused.status_code, refused.json()["param"]) == (403, "customerEntityUid")
    assert rows(system) == before


def test_without_token_or_role_nothing_is_done(system: System) -> None:
    before = rows(system)
    with system.client(roles=("orders:read",)) as client:
        assert client.post("/orders/hardware", json=order()).status_code == 403
        client.headers["Authorization"] = "Bearer x.y.z"
        refused = client.post("/orders/hardware", json=order())
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, 'Bearer error="invalid_token"')
    assert rows(system) == before


@pytest.mark.parametrize(
    ("content", "headers", "status", "param"),
    [
        (b"", {}, 400, None),
        (b"{", {}, 400, None),
        (b'{"a":1,"a":1}', {}, 400, None),
        (b"[]", {}, 400, None),
        (b'{"orderReference":"","customerEntityUid":"%s"}' % CUSTOMER.encode(), {}, 400, "orderReference"),
        (b'{"orderReference":"\\u0000","customerEntityUid":"%s"}' % CUSTOMER.encode(), {}, 400, "orderReference"),
        (b'{"orderReference":"\\ud800","customerEntityUid":"%s"}' % CUSTOMER.encode(), {}, 400, "orderReference"),
        (b'{"orderReference":"a","customerEntityUid":"%s","x":1}' % CUSTOMER.encode(), {}, 400, "x"),
        (b"{}", {"saveDraft": "maybe"}, 400, "saveDraft"),
        (b"{}", {"Idempotency-Key": "k" * 256}, 400, "Idempotency-Key"),
        (b"{}", {"Content-Type": "text/plain"}, 415, None),
        (b'{"notes":"' + b"n" * 2**22 + b'"}', {}, 413, None),
    ],
)
def test_nonsense_is_refused_with_its_field_and_leaves_nothing(
    system: System, content: bytes, headers: dict[str, str], status: int, param: str | None
) -> None:
    before = rows(system)
    with system.client() as client:
        answer = client.post(
            "/orders/hardware", content=content, headers={"Content-Type": "application/json", **headers}
        )
    problem = answer.json()
    assert (answer.status_code, problem.get("param")) == (status, param)
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["code"] == str(status)
    assert problem["message"] == problem["detail"]
    assert rows(system) == before


def test_a_submitted_order_cannot_be_replaced_and_stays_as_it_was(system: System) -> None:
    shown = post(system, order()).json()
    with system.client() as client:
        refused = client.put(f"/orders/hardware/{shown['orderId']}", json=order())
        assert refused.status_code == 409
        assert "SUBMITTED" in refused.json()["detail"]
        assert client.get(f"/orders/{shown['orderId']}").json() == shown
        assert client.put("/orders/hardware/nonsense", json=order()).status_code == 400


def test_a_fetched_draft_may_be_sent_back_whole_but_not_with_another_status(system: System) -> None:
    draft = post(system, order(), DRAFT).json()
    with system.client() as client:
        path = f"/orders/hardware/{draft['orderId']}"
        assert client.put(path, json={**draft, "poRef": "2"}).json()["poRef"] == "2"
        refused = client.put(path, json={**client.get(f"/orders/{draft['orderId']}").json(), "status": "SUBMITTED"})
        assert (refused.status_code, refused.json()["param"]) == (400, "status")
        other_customer = client.put(path, json={**order(), "customerEntityUid": MIRABEAU})
        assert (other_customer.status_code, other_customer.json()["param"]) == (400, "customerEntityUid")


def test_an_order_whose_bell_was_lost_is_settled_by_the_sweep(system: System) -> None:
    body = order()
    command = Receive(
        identifiers.new(), json.dumps(body), body, Intent.SUBMIT, simplified=False, actor=Actor(ANN, "Ann Tester")
    )
    with system.database.write() as connection:
        received, row = events.record(None, receive(command, system.database.now(connection)))
        store.insert_orders(connection, [received])
        store.insert_events(connection, [row])
    with system.client() as client:
        eventually(lambda: client.get(f"/orders/{command.order_id}").json()["status"] == "SUBMITTED")


def test_many_at_once_are_all_settled_and_told_once_each_in_order(system: System) -> None:
    with concurrent.futures.ThreadPoolExecutor(24) as pool:
        mixed = itertools.cycle([{}, DRAFT, {"Prefer": "respond-async"}])
        answers = list(pool.map(lambda headers: post(system, order(), headers), itertools.islice(mixed, 150)))
    assert {answer.status_code for answer in answers} == {200, 202}
    ours = {answer.json()["orderId"] for answer in answers}
    assert len(ours) == 150

    def told() -> list[tuple[int, dict[str, Any]]]:
        stream = system.stream()
        counts = Counter(event["subject"] for _, event in stream if event["subject"] in ours)
        return stream if set(counts.values()) == {2} and len(counts) == 150 else []

    stream = eventually(told)
    first = next(position for position, event in stream if event["subject"] in ours)
    stream = stream[[position for position, _ in stream].index(first) :]  # what was erased before has left a hole
    positions = [position for position, _ in stream]
    assert positions == list(range(positions[0], positions[0] + len(positions)))
    assert all(event["data"]["position"] == position for position, event in stream)
    assert len({event["id"] for _, event in stream}) == len(stream)


def test_every_event_of_the_log_is_chained_and_numbered_without_a_gap(system: System) -> None:
    def log() -> list[Any]:
        with system.database.read() as connection:
            found = connection.execute(select(order_events).order_by(order_events.c.position)).mappings().all()
        return list(found) if all(row["position"] for row in found) else []

    found = eventually(log)
    assert [row["position"] for row in found] == list(range(1, len(found) + 1))
    last: dict[str, tuple[int, str, str]] = {}
    for row in found:
        sequence, previous_hash, occurred = last.get(row["order_id"], (0, NO_HASH, ""))
        assert row["sequence"] == sequence + 1
        is_erased = not row["salt"]
        assert is_erased or row["digest"] == events.digest(row["salt"], row["actor"], row["data"])
        assert row["hash"] == events.chain(previous_hash, row)
        assert instants.text(row["occurred_at"]) >= occurred
        last[row["order_id"]] = (row["sequence"], row["hash"], instants.text(row["occurred_at"]))
    with system.database.read() as connection:
        stored = store.read(connection, last.keys())
    assert {order.order_id: (order.version, order.last_hash) for order in stored} == {
        order_id: (sequence, chained) for order_id, (sequence, chained, _) in last.items()
    }
