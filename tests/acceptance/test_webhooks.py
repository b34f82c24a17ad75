"""Webhooks on a running system: made, signed, tested, paused, replayed; nobody else's; the example receiver."""

import os
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import select
from standardwebhooks import Webhook

from hardware_orders.delivery.webhooks import secret_keys
from hardware_orders.tables import operations, webhook_endpoints
from tests.backends import Backend
from tests.receivers import Receiver, receiver, status
from tests.system import System, eventually, order, running

ROOT = Path(__file__).parents[2]
HOOKS = ("webhooks:write", "orders:write", "orders:read")


@pytest.fixture(scope="module", params=["sqlite", "postgresql-redis"])
def system(request: pytest.FixtureRequest) -> Iterator[System]:
    backend = Backend(request.param)
    if reason := backend.absence():
        pytest.skip(reason)
    postgres = None if backend.name == "sqlite" else request.getfixturevalue("postgres")
    # A socket's path must be short, so this is not pytest's own folder.
    with tempfile.TemporaryDirectory(prefix="ho-") as name, backend.opened(Path(name), postgres) as settings:
        own = {**settings, "SECRET_KEYS": secret_keys.new(), "WEBHOOK_ALLOW": "127.0.0.0/8"}
        with running(Path(name), own) as system:
            yield system


@pytest.fixture
def customer() -> str:
    return str(uuid.uuid4())


@pytest.fixture
def http(system: System, customer: str) -> Iterator[httpx2.Client]:
    with system.client(entities=(customer,), roles=HOOKS) as client:
        yield client


def made(http: httpx2.Client, to: Receiver, **members: Any) -> dict[str, Any]:
    answer = http.post("/webhooks", json={"url": to.url, **members})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    assert answer.headers["location"] == f"/webhooks/{found['endpointId']}"
    return found


def ordered(http: httpx2.Client, customer: str) -> str:
    answer = http.post("/orders/hardware", json=order(customerEntityUid=customer))
    assert answer.status_code == 200, answer.text
    return str(answer.json()["orderId"])


def test_events_come_signed_in_order_and_only_those_asked_for(
    system: System, http: httpx2.Client, customer: str
) -> None:
    with receiver() as everything, receiver() as submitted:
        secret = made(http, everything, description="All")["secret"]
        made(http, submitted, eventTypes=["hardware-orders.order.submitted"])
        ids = [ordered(http, customer) for _ in range(5)]
        with system.client(entities=(other := str(uuid.uuid4()),), roles=HOOKS) as neighbour:
            ordered(neighbour, other)
        eventually(lambda: len(everything.came) >= 10 and len(submitted.came) >= 5)
        told = everything.events
        assert [event["subject"] for event in told if event["type"].endswith("received")] == ids
        assert everything.positions == sorted(everything.positions)
        assert {event["type"] for event in submitted.events} == {"hardware-orders.order.submitted"}
        for headers, body in everything.came:
            assert headers["content-type"] == "application/cloudevents+json; charset=utf-8"
            assert Webhook(secret).verify(body, headers)["id"] == headers["webhook-id"]
        assert headers["request"] == "POST /hook?of=orders HTTP/1.1"
        # What is told is what the log tells.
        timeline = http.get(f"/orders/{ids[0]}/events").json()["events"]
        assert [event["id"] for event in told if event["subject"] == ids[0]] == [event["id"] for event in timeline]


def test_a_secret_is_renewed_with_an_overlap_and_stored_encrypted(
    system: System, http: httpx2.Client, customer: str
) -> None:
    with receiver() as here:
        endpoint = made(http, here)
        renewed = http.post(f"/webhooks/{endpoint['endpointId']}/secret").json()
        assert renewed["secret"] != endpoint["secret"]
        shown = http.get(f"/webhooks/{endpoint['endpointId']}")
        assert shown.json()["previousSecretUntil"] == renewed["previousSecretUntil"]
        assert "whsec_" not in shown.text
        ordered(http, customer)
        eventually(lambda: here.came)
        headers, body = here.came[0]
        assert len(headers["webhook-signature"].split(" ")) == 2
        for secret in (endpoint["secret"], renewed["secret"]):
            Webhook(secret).verify(body, headers)
    with system.database.read() as connection:
        stored = connection.execute(select(webhook_endpoints.c.secret, webhook_endpoints.c.previous_secret)).all()
    assert stored
    for text in [text for row in stored for text in row if text]:
        assert "whsec_" not in text
        assert endpoint["secret"].removeprefix("whsec_") not in text


def test_a_test_a_redelivery_and_a_replay(system: System, http: httpx2.Client, customer: str) -> None:
    with receiver() as here:
        path = f"/webhooks/{made(http, here, enabled=False)['endpointId']}"
        tested = http.post(f"{path}/test").json()
        assert (tested["kind"], tested["delivered"], tested["status"], tested["answer"]) == ("TEST", True, 200, "ok")
        assert here.events[0]["type"] == "hardware-orders.webhook.test"
        ordered(http, customer)
        resumed = http.patch(path, json={"enabled": True, "description": "Shop"}).json()
        assert (resumed["enabled"], resumed["description"]) == (True, "Shop")
        eventually(lambda: len(here.positions) == 2)  # it was paused, and missed nothing
        attempts = eventually(lambda: http.get(f"{path}/deliveries", params={"limit": 2}).json())
        assert [item["position"] for item in attempts["items"]] == here.positions[::-1]
        rest = http.get(f"{path}/deliveries", params={"cursor": attempts["nextCursor"]}).json()
        assert ([item["kind"] for item in rest["items"]], rest["nextCursor"]) == (["TEST"], None)
        first = attempts["items"][-1]
        again = http.post(f"{path}/deliveries/{first['eventId']}/redeliver").json()
        assert (again["kind"], again["eventId"], here.positions[-1]) == (
            "REDELIVERY",
            first["eventId"],
            here.positions[0],
        )
        assert http.post(f"{path}/deliveries/{uuid.uuid4()}/redeliver").status_code == 404
        assert http.post(f"{path}/deliveries/{tested['eventId']}/redeliver").status_code == 404
        refused = http.post(f"{path}/replay", json={"after": 2**50})
        assert (refused.status_code, refused.json()["param"]) == (400, "after")
        assert http.post(f"{path}/replay", json={"after": 0}).json()["position"] == 0
        eventually(lambda: here.positions[3:] == here.positions[:2])
        assert http.delete(path).status_code == 204
        assert http.get(path).status_code == 404
    with system.database.read() as connection:
        chosen = select(operations.c.action).where(operations.c.subject == path.removeprefix("/webhooks/"))
        acts = set(connection.execute(chosen).scalars())
    acts_of_callers = ("created", "tested", "changed", "redelivered", "replayed", "removed")
    assert acts == {f"webhook.{act}" for act in acts_of_callers}


def test_a_receiver_that_is_gone_is_paused_and_goes_on_where_it_stood(
    system: System, http: httpx2.Client, customer: str
) -> None:
    with receiver(status(410)) as here:
        path = f"/webhooks/{made(http, here)['endpointId']}"
        ordered(http, customer)
        eventually(lambda: not http.get(path).json()["enabled"])
        paused = http.get(path).json()
        assert paused["pausedReason"] == "GONE"
        here.answer = status(204)
        assert len(here.came) == 1
        http.patch(path, json={"enabled": True})
        eventually(lambda: len(here.came) == 3)
        assert here.positions[0] == here.positions[1]
    with system.database.read() as connection:
        acts = connection.execute(select(operations.c.action)).scalars().all()
    assert "webhook.paused" in acts


def test_whoever_acts_for_others_finds_none_of_it(system: System, http: httpx2.Client, customer: str) -> None:
    with receiver() as here:
        path = f"/webhooks/{made(http, here)['endpointId']}"
        absent = f"/webhooks/{uuid.uuid4()}"
        asked: list[tuple[str, str, Any]] = [
            ("GET", "", None),
            ("PATCH", "", {"enabled": False}),
            ("DELETE", "", None),
            ("POST", "/secret", None),
            ("POST", "/test", None),
            ("POST", "/replay", {"after": 0}),
            ("GET", "/deliveries", None),
            ("POST", f"/deliveries/{uuid.uuid4()}/redeliver", None),
        ]
        others: list[tuple[str, ...]] = [(str(uuid.uuid4()),), ()]
        for entities in others:
            with system.client(entities=entities, roles=HOOKS) as stranger:
                for method, rest, body in asked:
                    foreign = stranger.request(method, path + rest, json=body)
                    nobodys = stranger.request(method, absent + rest, json=body)
                    assert (foreign.status_code, foreign.json()["detail"]) == (404, nobodys.json()["detail"]), rest
                assert path.removeprefix("/webhooks/") not in stranger.get("/webhooks").text
                refused = stranger.post("/webhooks", json={"url": here.url, "customerEntityUids": [customer]})
                assert (refused.status_code, refused.json()["param"]) == (403, "customerEntityUids")
        assert http.get(path).json()["customerEntityUids"] == [customer]
        assert [item["endpointId"] for item in http.get("/webhooks").json()["items"]] == [
            path.removeprefix("/webhooks/")
        ]
        with system.client(entities=(customer, str(uuid.uuid4())), roles=HOOKS) as wider:
            assert wider.get(path).status_code == 200
        assert not here.came


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ({}, "url", "required"),
        ({"url": "ftp://shop.example.com/"}, "url", "bad_url"),
        ({"url": "http://shop.example.com/"}, "url", "bad_url"),
        ({"url": "https://ann:secret@shop.example.com/"}, "url", "bad_url"),
        ({"url": "https://shop.example.com/#part"}, "url", "bad_url"),
        ({"url": "https://shop.example.com/", "colour": 1}, "colour", "unknown_field"),
        ({"url": "https://shop.example.com/", "enabled": "yes"}, "enabled", "wrong_type"),
        ({"url": "https://shop.example.com/", "eventTypes": ["order.sold"]}, "eventTypes[0]", "not_allowed"),
        ({"url": "https://shop.example.com/", "customerEntityUids": []}, "customerEntityUids", "empty"),
        ({"url": "https://shop.example.com/" + "x" * 2048}, "url", "too_long"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_bad_endpoint_is_refused_and_leaves_nothing(
    http: httpx2.Client, body: dict[str, Any], param: str, code: str
) -> None:
    refused = http.post("/webhooks", json=body)
    assert refused.status_code == 400
    assert (refused.json()["errors"][0]["param"], refused.json()["errors"][0]["code"]) == (param, code)
    assert http.get("/webhooks").json() == {"items": [], "nextCursor": None}


def test_there_is_a_bound_on_the_endpoints_of_a_customer(http: httpx2.Client) -> None:
    body = {"url": "https://shop.example.com/", "enabled": False}
    assert {http.post("/webhooks", json=body).status_code for _ in range(20)} == {201}
    refused = http.post("/webhooks", json=body)
    assert (refused.status_code, "20 webhook endpoints" in refused.json()["detail"]) == (409, True)
    page = http.get("/webhooks", params={"limit": 15}).json()
    rest = http.get("/webhooks", params={"limit": 15, "cursor": page["nextCursor"]}).json()
    assert (len(page["items"]), len(rest["items"]), rest["nextCursor"]) == (15, 5, None)


def test_the_example_receiver_takes_each_event_once(http: httpx2.Client, customer: str, tmp_path: Path) -> None:
    with receiver() as unused:  # its port is free when it ends
        endpoint = made(http, unused, enabled=False)
    path = f"/webhooks/{endpoint['endpointId']}"
    environment = {**os.environ, "WEBHOOK_SECRET": endpoint["secret"]}
    command = [sys.executable, str(ROOT / "examples" / "webhook_receiver.py"), "0", str(tmp_path / "seen.db")]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        url = process.stdout.readline().split()[-1]
        try:
            forged = httpx2.post(url, content=b"{}", headers={"webhook-id": "1", "webhook-timestamp": "1"})
            assert forged.status_code == 400
            order_id = ordered(http, customer)
            http.patch(path, json={"url": url, "enabled": True})
            printed = [process.stdout.readline().split() for _ in range(2)]
            eventually(lambda: len(http.get(f"{path}/deliveries").json()["items"]) == 2)
            http.post(f"{path}/replay", json={"after": 0})
            eventually(lambda: len(http.get(f"{path}/deliveries").json()["items"]) == 4)
            last = ordered(http, customer)
            printed += [process.stdout.readline().split() for _ in range(2)]
        finally:
            process.terminate()
    assert [line[:2] for line in printed] == [
        [f"hardware-orders.order.{kind}", subject] for subject in (order_id, last) for kind in ("received", "submitted")
    ]
