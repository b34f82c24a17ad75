"""A person who is to be forgotten: planted in every place of an order, and after the erasure nowhere any more."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from sqlalchemy import inspect, select, text

from hardware_orders.database import Database
from hardware_orders.delivery.webhooks import attempts
from hardware_orders.delivery.webhooks.attempts import Kind, Sent
from hardware_orders.delivery.webhooks.message import Result
from hardware_orders.orders import events
from hardware_orders.orders.order import NO_HASH
from hardware_orders.tables import order_events, orders
from tests.system import System, eventually, order

CANARY = "Zebulon-Quartermain"
EVERYTHING = ("orders:write", "orders:read", "fulfilment", "events:read", "admin")
PERSON = {"firstName": "Zoe", "lastName": CANARY}
ADDRESS = {"addressLine1": CANARY, "city": CANARY, "postCode": "75002", "country": "FRA", "receiverName": CANARY}
CONTACT = {"name": PERSON, "email": f"{CANARY}@example.com", "phoneNumbers": [{"value": "0600551177"}]}
MERCHANT = {"merchantName": CANARY, "primaryContact": CONTACT, "shippingAddress": {**ADDRESS, "contact": CONTACT}}
BODY: dict[str, Any] = {
    "notes": f"Ask for {CANARY}.",
    "merchant": MERCHANT,
    "additionalOrderData": [{"variableName": "vatId", "variableValue": CANARY}],
}
NDJSON = {"Content-Type": "application/x-ndjson"}


@pytest.fixture(scope="module")
def client(system: System) -> Iterator[httpx2.Client]:
    with system.client(roles=EVERYTHING) as client:
        yield client


def made(client: httpx2.Client, body: dict[str, Any] | None = None, **headers: str) -> str:
    answer = client.post("/orders/hardware", json=body or order(**BODY), headers=headers)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["orderId"])


def everything_stored(system: System) -> str:
    """All rows of all tables, and all entries of the stream, as text."""
    with system.database.read() as connection:
        tables = inspect(system.database.engine).get_table_names()
        rows = [connection.execute(text(f'SELECT * FROM "{name}"')).all() for name in tables]  # noqa: S608
    keys: Any = system.events.keys("*")
    values = [system.events.get(key) for key in keys if system.events.type(key) == "string"]
    return f"{rows} {system.stream()} {values}"


def verifies(database: Database, order_id: str) -> bool:
    """The chain from its start to the hash that the order's row keeps; the digest of what has not been erased."""
    with database.read() as connection:
        rows = connection.execute(
            select(order_events).where(order_events.c.order_id == order_id).order_by(order_events.c.sequence)
        ).all()
        last_hash = connection.execute(select(orders.c.last_hash).where(orders.c.order_id == order_id)).scalar_one()
    previous = NO_HASH
    for sequence, row in enumerate(rows, start=1):
        is_digest = not row.salt or row.digest == events.digest(row.salt, row.actor, row.data)
        if not is_digest or row.sequence != sequence or row.hash != events.chain(previous, row._asdict()):
            return False
        previous = row.hash
    return bool(previous == last_hash)


def test_a_person_is_nowhere_after_the_erasure_and_the_chain_verifies(system: System, client: httpx2.Client) -> None:
    key = {"Idempotency-Key": "erased-1"}
    body = order(**BODY)
    order_id = made(client, body, **key)
    report = {"status": "INPROGRESS", "trackingReference": CANARY, "information": f"{CANARY} was not at home."}
    assert client.post(f"/orders/{order_id}/status", json=report).status_code == 200
    assert client.post(f"/orders/{order_id}/status", json={"status": "COMPLETED"}).status_code == 200
    discarded = made(client, saveDraft="true")
    assert client.delete(f"/orders/drafts/{discarded}").status_code == 204
    lines = json.dumps(order(**BODY)) + "\n"
    batch = client.post("/orders/hardware/batch", content=lines, headers=NDJSON)
    assert batch.status_code == 202, batch.text
    location = batch.headers["location"]
    eventually(lambda: client.get(location).json()["status"] == "SETTLED")
    (item,) = client.get(location).json()["items"]
    cancellation = {"cancelReasonEnum": "OTHER", "cancelAdditionalReason": f"{CANARY} has moved."}
    assert client.post(f"/orders/{item['orderId']}/cancel", json=cancellation).status_code == 200
    eventually(lambda: system.stream()[-1][1]["subject"] == item["orderId"] and CANARY in everything_stored(system))
    events_before = client.get(f"/orders/{order_id}/events").json()["events"]
    hashes = [event["hash"] for event in events_before]
    _was_sent(system, events_before[0]["id"])
    stored = everything_stored(system)
    known_by = _hashes(system, order_id) | _hashes(system, item["orderId"])

    for erased in (order_id, discarded, item["orderId"]):
        answer = client.post(f"/orders/{erased}/erasure")
        assert (answer.status_code, CANARY in answer.text) == (200, False), answer.text
        assert answer.json()["internal"]["extendedDetails"]["personalDataErased"]
        assert client.post(f"/orders/{erased}/erasure").headers["etag"] == answer.headers["etag"]
        assert verifies(system.database, erased)
    eventually(lambda: sum(event["type"] == "hardware-orders.order.erased" for _, event in system.stream()) >= 3)
    assert CANARY in stored
    assert CANARY not in everything_stored(system)
    assert not known_by & (_hashes(system, order_id) | _hashes(system, item["orderId"]))

    told = client.get(f"/orders/{order_id}/events").json()["events"]
    assert [event["hash"] for event in told[:-1]] == hashes
    assert [event["data"].get("erased", False) for event in told] == [True, True, True, True, False]
    for version in range(1, 6):
        stood = client.get(f"/orders/{order_id}", params={"version": version})
        assert (stood.status_code, CANARY in stood.text) == (200, False)
    repeated = client.post("/orders/hardware", json=body, headers=key)
    assert repeated.status_code == 422
    assert client.put(f"/orders/hardware/{order_id}", json=order(**BODY)).status_code == 409
    assert client.get("/orders", params={"merchantCompany": CANARY}).json()["items"] == []


def _was_sent(system: System, event_id: str) -> None:
    """To a receiver that answered with what it had been told."""
    sent = Sent(event_id, "order.received", 1)
    with system.database.write() as connection:
        now = system.database.now(connection)
        attempts.record(connection, str(uuid.uuid4()), Kind.DELIVERY, now, [(sent, Result(1, 500, answer=CANARY))])


def _hashes(system: System, order_id: str) -> set[str]:
    """What a guess of the body could be held against: the hash of request or line, and the salts of the events."""
    with system.database.read() as connection:
        key = text("SELECT request_hash FROM idempotency_keys WHERE order_id = :order_id")
        salts = text("SELECT salt FROM order_events WHERE order_id = :order_id")
        line = text("SELECT line_hash FROM batch_items WHERE order_id = :order_id")
        rows = [connection.execute(each, {"order_id": order_id}).scalars().all() for each in (key, salts, line)]
    return {value for values in rows for value in values}


def test_the_stream_tells_no_more_of_it_and_goes_on(system: System, client: httpx2.Client) -> None:
    order_id = made(client)
    assert client.post(f"/orders/{order_id}/cancel", json={"cancelReasonEnum": "OTHER"}).status_code == 200
    assert client.post(f"/orders/{order_id}/erasure").status_code == 200
    following = made(client)
    eventually(lambda: any(event["subject"] == following for _, event in system.stream()))
    entries = [(position, event) for position, event in system.stream() if event["subject"] == order_id]
    assert [event["type"] for _, event in entries] == ["hardware-orders.order.erased"]


@pytest.mark.parametrize("roles", [("orders:write", "orders:read"), ("fulfilment",)])
def test_only_an_administrator_erases_and_only_what_is_over(
    system: System, client: httpx2.Client, roles: tuple[str, ...]
) -> None:
    order_id = made(client)
    with system.client(roles=roles) as other:
        assert other.post(f"/orders/{order_id}/erasure").status_code == 403
    refused = client.post(f"/orders/{order_id}/erasure")
    assert (refused.status_code, "cancel it first" in refused.json()["detail"]) == (409, True)
    with system.client(roles=("admin",), entities=("00000000-0000-4000-8000-000000000009",)) as stranger:
        assert stranger.post(f"/orders/{order_id}/erasure").status_code == 404
    assert CANARY in client.get(f"/orders/{order_id}").text
