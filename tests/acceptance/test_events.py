"""GET `/events` as its readers use it, on every backend: pages, lines, and live."""

import itertools
import json
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest

from hardware_orders.delivery import log
from tests.system import System, eventually, order

LIVE = {"Accept": "text/event-stream"}
LINES = {"Accept": "application/x-ndjson"}
PREFIX = "hardware-orders."


@pytest.fixture(scope="module")
def customer() -> str:
    """Nobody else's in this run."""
    return str(uuid.uuid4())


@pytest.fixture(scope="module")
def orders(system: System, customer: str) -> list[str]:
    """Three orders of the customer: six events, among those of others."""
    with system.client() as client:
        ids = []
        for _ in range(3):
            ids.append(client.post("/orders/hardware", json=order(customerEntityUid=customer)).json()["orderId"])
            client.post("/orders/hardware", json=order())
        eventually(lambda: len(own(client.get("/events", params={"customerEntityUid": customer}))) == 6)
    return ids


def own(answer: httpx2.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    events: list[dict[str, Any]] = answer.json()["events"]
    return events


def submitted(system: System, customer: str) -> str:
    """The id of a new order, which has two events."""
    with system.orders() as client:
        return client.submit(order(customerEntityUid=customer)).order_id


def last(system: System) -> int:
    with system.database.read() as connection:
        return log.last_position(connection)


def test_paging_tells_every_event_once_and_the_stream_tells_the_same(system: System, orders: list[str]) -> None:
    told: list[Any] = []
    after = 0
    with system.client() as client:
        while True:
            page = client.get("/events", params={"after": after, "limit": 4}).json()
            told += page["events"]
            if not page["events"]:
                break
            assert page["nextAfter"] == page["events"][-1]["data"]["position"]
            after = page["nextAfter"]
    assert [event["data"]["position"] for event in told] == list(range(1, len(told) + 1))
    assert {event["subject"] for event in told} > set(orders)
    # Tests before this one trimmed the stream: it may begin late. An erased event has no entry in it.
    eventually(lambda: system.stream()[-1][0] >= told[-1]["data"]["position"])
    streamed = [entry for entry in system.stream() if entry[0] <= told[-1]["data"]["position"]]
    kept = [event for event in told if not event["data"].get("erased") and event["data"]["position"] >= streamed[0][0]]
    assert [event for _, event in streamed] == kept
    assert {event["subject"] for _, event in streamed} > set(orders)


def test_filters_pass_over_what_was_not_asked_for(system: System, orders: list[str], customer: str) -> None:
    with system.client() as client:
        asked: dict[str, Any] = {"customerEntityUid": customer, "type": "order.submitted,order.drafted"}
        page = client.get("/events", params=asked).json()
        assert [event["subject"] for event in page["events"]] == orders
        assert {event["type"] for event in page["events"]} == {f"{PREFIX}order.submitted"}
        # Both filters let nothing through, and the next page begins behind all that was looked at.
        nothing = client.get("/events", params={"type": f"{PREFIX}order.stalled"}).json()
        assert (nothing["events"], nothing["nextAfter"]) == ([], last(system))
        for wrong in ({"type": "order.eaten"}, {"customerEntityUid": "x"}, {"limit": "501"}, {"after": "-1"}):
            refused = client.get("/events", params=wrong)
            assert (refused.status_code, refused.json()["param"]) == (400, next(iter(wrong)))


def test_a_position_that_is_not_given_yet_is_answered_with_the_last(system: System) -> None:
    with system.client() as client:
        page = client.get("/events", params={"after": 2**61}).json()
    assert page["events"] == []
    assert page["nextAfter"] <= last(system)


def test_callers_see_only_their_customers_events(system: System, orders: list[str], customer: str) -> None:
    with system.client(entities=(customer,)) as client, system.client(entities=(str(uuid.uuid4()),)) as stranger:
        page = client.get("/events").json()
        assert {event["subject"] for event in page["events"]} == set(orders)
        assert page["nextAfter"] >= page["events"][-1]["data"]["position"]
        for asked in ({}, {"customerEntityUid": customer}):
            assert own(stranger.get("/events", params=asked)) == []
            assert stranger.get("/events", params=asked, headers=LINES).text == ""
    with system.client(roles=("orders:read", "orders:write")) as client:
        assert client.get("/events").status_code == 403


def test_lines_are_every_event_up_to_now(system: System, orders: list[str], customer: str) -> None:
    with system.client() as client:
        whole = client.get("/events", headers=LINES)
        assert whole.headers["content-type"] == "application/x-ndjson"
        told = [json.loads(line) for line in whole.text.splitlines()]
        assert [event["data"]["position"] for event in told] == list(range(1, len(told) + 1))
        asked = {"customerEntityUid": customer, "after": told[0]["data"]["position"]}
        some = [json.loads(line) for line in client.get("/events", headers=LINES, params=asked).text.splitlines()]
        assert {event["subject"] for event in some} == set(orders)
        assert client.get("/events", headers=LINES, params={"limit": 1}).status_code == 400


def test_a_page_can_be_waited_for(system: System) -> None:
    customer = str(uuid.uuid4())
    with system.client() as client:
        asked: dict[str, Any] = {"after": last(system), "customerEntityUid": customer}
        none = client.get("/events", params=asked, headers={"Prefer": "wait=1"})
        assert (own(none), none.headers["preference-applied"]) == ([], "wait=1")
        later = threading.Timer(0.5, lambda: submitted(system, customer))
        later.start()
        found = client.get("/events", params=asked, headers={"Prefer": "wait=30"})
        later.join()
        assert [event["type"] for event in own(found)][:1] == [f"{PREFIX}order.received"]


@contextmanager
def live(system: System, headers: dict[str, str], **params: Any) -> Iterator[Iterator[dict[str, str]]]:
    """The blocks of an event stream, each as its fields."""
    url, authorization = f"{system.url}/events", {"Authorization": f"Bearer {system.token()}"}
    with httpx2.stream("GET", url, params=params, headers={**LIVE, **authorization, **headers}, timeout=40) as answer:
        assert answer.status_code == 200, answer.read()
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield blocks(answer.iter_lines())


def blocks(lines: Iterator[str]) -> Iterator[dict[str, str]]:
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        else:
            yield fields
            fields = {}


def events(found: Iterator[dict[str, str]], count: int) -> list[dict[str, str]]:
    told: list[dict[str, str]] = []
    while len(told) < count:
        block = next(found)
        if "data" in block:
            told.append(block)
    return told


def test_a_live_stream_tells_what_was_and_what_comes(system: System, orders: list[str], customer: str) -> None:
    with live(system, {}, after=0, customerEntityUid=customer) as found:
        assert next(found) == {"retry": "2000"}
        past = events(found, 6)
        assert {json.loads(event["data"])["subject"] for event in past} == set(orders)
        submitted(system, customer)
        fresh = events(found, 2)
    for event in past + fresh:
        told = json.loads(event["data"])
        assert (event["id"], event["event"]) == (str(told["data"]["position"]), told["type"])
    ids = [int(event["id"]) for event in past + fresh]
    assert ids == sorted(set(ids))
    # A reader that comes again goes on behind the last id, whatever its address says.
    with live(system, {"Last-Event-ID": past[2]["id"]}, after=0, customerEntityUid=customer) as found:
        assert [event["id"] for event in events(found, 5)] == [event["id"] for event in past[3:] + fresh]


def test_a_live_stream_without_a_position_begins_now(system: System, customer: str) -> None:
    with live(system, {}) as found:
        next(found)
        begins = int(next(found)["id"])
        made = submitted(system, customer)
        mine = [json.loads(event["data"]) for event in events(found, 2)]
    assert begins < mine[0]["data"]["position"]
    assert made in {event["subject"] for event in mine}


def test_what_is_no_position_is_refused(system: System) -> None:
    with system.client() as client:
        for wrong in ("x", "-1", "1,2", "9" * 19):
            refused = client.get("/events", headers={**LIVE, "Last-Event-ID": wrong})
            assert (refused.status_code, refused.json()["param"]) == (400, "Last-Event-ID")
        assert client.head("/events", headers=LIVE).headers["content-type"] == "application/json"


@pytest.mark.parametrize("options", [[], ["--json"]], ids=["lines", "json"])
def test_the_command_follows_in_a_terminal_until_it_is_interrupted(system: System, options: list[str]) -> None:
    customer = str(uuid.uuid4())
    first = submitted(system, customer)
    words = ["events", "tail", "--from-start", "--customer", customer, "--type", "order.submitted", *options]
    environment = {**system.environment, "HARDWARE_ORDERS_URL": system.url, "HARDWARE_ORDERS_TOKEN": system.token()}
    command = [sys.executable, "-m", "hardware_orders", *words]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        killer = threading.Timer(60, process.kill)  # so that a line that never comes fails the test
        killer.start()
        try:
            assert process.stdout
            line = process.stdout.readline()
            assert first in line
            assert ("RECEIVED → SUBMITTED" in line) != bool(options)
            later = submitted(system, customer)
            assert later in process.stdout.readline()
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 0
        finally:
            killer.cancel()
            process.kill()


def test_the_client_reads_and_follows(system: System) -> None:
    customer = str(uuid.uuid4())
    with system.orders() as client:
        following = client.follow(customers=[customer])
        found: list[str] = []
        thread = threading.Thread(target=lambda: found.extend(event.type for event in itertools.islice(following, 2)))
        thread.start()
        submitted(system, customer)
        until = time.monotonic() + 30
        while thread.is_alive() and time.monotonic() < until:
            submitted(system, customer)  # the first may have come before the reader had begun
            thread.join(1)
        assert found == ["order.received", "order.submitted"]
        whole = list(client.events(customers=[customer], types=["order.submitted"]))
        assert {event.type for event in whole} == {"order.submitted"}
        assert list(client.events(after=whole[-1].position or 0, customers=[customer], types=["order.submitted"])) == []


def test_what_comes_reaches_every_reader(system: System) -> None:
    mine = str(uuid.uuid4())
    told: list[list[str]] = []

    def follow(started: threading.Event) -> None:
        with live(system, {}, customerEntityUid=mine) as found:
            next(found)
            next(found)  # from here on it is told
            started.set()
            told.append([event["event"] for event in events(found, 2)])

    started = [threading.Event() for _ in range(20)]
    threads = [threading.Thread(target=follow, args=(each,)) for each in started]
    for thread in threads:
        thread.start()
    assert all(each.wait(30) for each in started)
    submitted(system, mine)
    for thread in threads:
        thread.join(30)
    assert told == [[f"{PREFIX}order.received", f"{PREFIX}order.submitted"]] * 20
