"""Consumers of events: what they are told is as the documents say, and the example for the stream misses nothing."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from jsonschema import Draft202012Validator, FormatChecker

from examples.stream_consumer import GROUP, STREAM, Consumer, Ledger
from hardware_orders.delivery.cloudevent import TYPE_PREFIX
from hardware_orders.orders.status import EventType
from tests.description import _closed
from tests.system import System, eventually, order

EVERYTHING = ("orders:write", "orders:read", "fulfilment", "events:read", "admin")
PERSON = {"primaryContact": {"name": {"firstName": "Ada", "lastName": "Lovelace"}, "email": "ada@example.com"}}


@pytest.fixture(scope="module")
def client(system: System) -> Iterator[httpx2.Client]:
    with system.client(roles=EVERYTHING) as client:
        yield client


def made(client: httpx2.Client, headers: dict[str, str] | None = None, **members: Any) -> str:
    answer = client.post("/orders/hardware", json=order(merchant=PERSON, **members), headers=headers)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["orderId"])


def life(client: httpx2.Client) -> set[str]:
    """Orders to which everything happens that can; returns their ids."""
    draft, discarded = (made(client, {"saveDraft": "true"}) for _ in range(2))
    shipped, cancelled = made(client), made(client)
    report = {"status": "INPROGRESS", "detailedStatus": "FULFILMENT_SHIPPED", "trackingReference": "T-1"}
    acts: list[tuple[str, str, Any]] = [
        ("PUT", f"/orders/hardware/{draft}", order(notes="New.")),
        ("POST", f"/orders/drafts/{draft}", None),
        ("DELETE", f"/orders/drafts/{discarded}", None),
        ("POST", f"/orders/{shipped}/status", {"status": "ONHOLD", "code": "X", "information": "Wait."}),
        ("POST", f"/orders/{shipped}/status", report),
        ("POST", f"/orders/{shipped}/status", {"status": "COMPLETED"}),
        ("POST", f"/orders/{cancelled}/cancel", {"cancelReasonEnum": "OTHER", "cancelAdditionalReason": "Moved."}),
        ("POST", f"/orders/{cancelled}/erasure", None),
    ]
    for method, path, body in acts:
        assert client.request(method, path, json=body).status_code in (200, 204), path
    return {draft, discarded, shipped, cancelled}


def test_every_event_of_every_type_is_as_asyncapi_says(system: System, client: httpx2.Client) -> None:
    before = told(client, 0)[-1]["data"]["position"] if told(client, 0) else 0
    entries: dict[str, Any] = {}
    order_ids = life(client)
    eventually(lambda: "order.erased" in {event["type"].removeprefix(TYPE_PREFIX) for event in told(client, before)})
    document = httpx2.get(f"{system.url}/asyncapi.json").json()
    kinds = set()
    for event in told(client, before):
        if event["subject"] not in order_ids:
            continue
        kinds.add(event["type"].removeprefix(TYPE_PREFIX))
        assert faults(document, event) == []
        entries[event["id"]] = event
    # Nothing waits for long here; tests/acceptance/test_stalls.py has the one that does.
    assert kinds == set(EventType) - {EventType.STALLED}
    eventually(lambda: system.stream()[-1][0] >= max(event["data"]["position"] for event in entries.values()))
    streamed = [event for _, event in system.stream() if event["id"] in entries]
    assert streamed == [event for event in entries.values() if not event["data"].get("erased")]
    wrong = {**streamed[0], "data": {**streamed[0]["data"], "sequence": "1"}}
    assert faults(document, wrong)
    assert faults(document, {**streamed[0], "undescribed": 1})


def told(client: httpx2.Client, after: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while page := client.get("/events", params={"after": after, "limit": 500}).json():
        found += page["events"]
        if page["nextAfter"] <= after or not page["events"]:
            return found
        after = page["nextAfter"]
    return found


def faults(document: dict[str, Any], event: dict[str, Any]) -> list[str]:
    """What is wrong with the event by the message of its type; members that nobody described are wrong."""
    message = document["components"]["messages"][event["type"].removeprefix(TYPE_PREFIX)]
    schemas = document["components"]["schemas"]
    shared = {name: schema if name in set(EventType) else _closed(schema) for name, schema in schemas.items()}
    schema = {"$ref": message["payload"]["$ref"], "components": {"schemas": shared}}
    errors = Draft202012Validator(schema, format_checker=FormatChecker()).iter_errors(event)
    return [f"{error.json_path}: {error.message}" for error in errors]


@contextmanager
def consuming(system: System, ledger: Ledger, take: Callable[[dict[str, Any]], None]) -> Iterator[None]:
    stop = threading.Event()
    events_url = _url_of(system)
    with system.client(roles=("events:read",)) as feed:
        thread = threading.Thread(target=Consumer(events_url, feed, ledger, take).run, args=[stop])
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(30)
            assert not thread.is_alive()


def _url_of(system: System) -> str:
    options = system.events.connection_pool.connection_kwargs
    if "path" in options:
        return f"unix://{options['path']}?db={options['db']}"
    return f"redis://{options['host']}:{options['port']}/{options['db']}"


def test_the_example_misses_nothing_and_takes_nothing_twice(
    system: System, client: httpx2.Client, tmp_path: Path
) -> None:
    ledger, taken = Ledger(str(tmp_path / "ledger.db")), list[dict[str, Any]]()
    goes_on = threading.Event()
    goes_on.set()

    def take(event: dict[str, Any]) -> None:
        goes_on.wait(30)
        taken.append(event)

    def has_joined() -> bool:
        return bool(system.events.exists(STREAM)) and bool(system.events.xinfo_groups(STREAM))

    def has_all() -> bool:
        last = told(client, 0)[-1]["data"]["position"]
        return bool(taken) and taken[-1]["data"]["position"] >= last

    def trim(order_ids: set[str]) -> None:
        last = max(event["data"]["position"] for event in told(client, 0) if event["subject"] in order_ids)
        eventually(lambda: system.stream()[-1][0] >= last)
        system.events.xtrim(STREAM, maxlen=1, approximate=False)

    made(client)
    with consuming(system, ledger, take):
        eventually(has_all)
        assert taken[-1]["type"] == "hardware-orders.order.submitted"
        eventually(has_joined)
        system.events.xgroup_destroy(STREAM, GROUP)  # the group is lost, and made again
        life(client)
        eventually(has_all)
        system.events.delete(STREAM)  # the stream is lost, and published again
        made(client)
        eventually(has_all)
        eventually(has_joined)
        goes_on.clear()  # the stream is trimmed while it works on an event
        made(client)
        eventually(lambda: ledger.position > len(taken))
        trim(life(client))
        goes_on.set()
        eventually(has_all)
    trim(life(client))  # and while nobody reads
    with consuming(system, ledger, take):
        made(client)
        eventually(has_all)
    positions = [event["data"]["position"] for event in taken]
    assert positions == list(range(1, len(positions) + 1))
    assert len({event["id"] for event in taken}) == len(taken)
