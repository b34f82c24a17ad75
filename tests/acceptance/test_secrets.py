"""What must not be where: credentials in no store of events and no answer, and nothing that callers send in any log."""

import json
import os
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
import redis
from sqlalchemy import text

from hardware_orders import api_keys
from hardware_orders.api import local_key
from hardware_orders.database import Database
from hardware_orders.delivery.webhooks import secret_keys
from tests.system import ANN, CUSTOMER, System, eventually, free_port, order, stop

HARDWARE = "/orders/hardware"
DRAFT = {"saveDraft": "true"}
EVERYTHING = ("orders:write", "orders:read", "events:read", "fulfilment")
# The orders that the database itself refuses, which no other input does: the fault must be told without them.
REFUSED = "canary-refused"
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def canary(what: str) -> str:
    return f"canary-{what}-{uuid.uuid4().hex[:8]}"


@contextmanager
def refusing(database: Database) -> Iterator[None]:
    """A database that refuses to write orders of the reference `REFUSED`."""
    sqlite = [
        f"CREATE TRIGGER refusing_{act} BEFORE {act} ON orders WHEN NEW.order_reference = '{REFUSED}'"
        " BEGIN SELECT RAISE(ABORT, 'out of order'); END"
        for act in ("INSERT", "UPDATE")
    ]
    postgresql = [
        (
            "CREATE FUNCTION refusing() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE check_violation USING MESSAGE = 'out of order'; END $$"
        ),
        (
            "CREATE TRIGGER refusing BEFORE INSERT OR UPDATE ON orders FOR EACH ROW"
            f" WHEN (NEW.order_reference = '{REFUSED}') EXECUTE FUNCTION refusing()"
        ),
    ]
    undone = {
        True: ["DROP TRIGGER refusing_INSERT", "DROP TRIGGER refusing_UPDATE"],
        False: ["DROP TRIGGER refusing ON orders", "DROP FUNCTION refusing"],
    }
    _run(database, sqlite if database.is_sqlite else postgresql)
    try:
        yield
    finally:
        _run(database, undone[database.is_sqlite])


def _run(database: Database, statements: list[str]) -> None:
    with database.write() as connection:
        for statement in statements:
            connection.execute(text(statement))


def personal() -> dict[str, str]:
    """What an order says of people and places, and what goes with it."""
    names = ("notes", "merchantName", "firstName", "lastName", "line1", "city", "poRef", "additional", "information")
    return {name: canary(name) for name in names}


def full_order(said: dict[str, str], **members: Any) -> dict[str, Any]:
    contact = {"name": {"firstName": said["firstName"], "lastName": said["lastName"]}}
    address = {"addressLine1": said["line1"][:40], "city": said["city"], "postCode": "75002", "country": "FRA"}
    address["countrySubdivision"] = "IDF"
    merchant = {"primaryContact": contact, "merchantName": said["merchantName"], "companyAddress": address}
    return order(notes=said["notes"], poRef=said["poRef"], merchant=merchant, **members)


@contextmanager
def overheard(system: System) -> Iterator[list[str]]:
    """What is said to the events' Redis meanwhile, and to the broker where it is the same server, but the events."""
    commands: list[str] = []
    listener = redis.Redis(connection_pool=system.events.connection_pool)

    def listen() -> None:
        # Whoever closes the connection ends it.
        with suppress(redis.RedisError, OSError, ValueError, AttributeError):
            while True:
                commands.append(str(monitor.next_command()["command"]))

    with listener.monitor() as monitor:  # type: ignore[no-untyped-call]
        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        mark = f"over-{uuid.uuid4().hex}"
        try:
            yield commands
        finally:
            # Commands are told in their order: once this one was heard, all before it were.
            system.events.exists(mark)
            eventually(lambda: any(mark in command for command in commands))
            commands[:] = [command for command in commands if "XADD hardware-orders:events" not in command]


@pytest.fixture(scope="module")
def secrets(system: System) -> dict[str, str]:
    """Credentials, each used once on the way."""
    _, api_key = api_keys.create(system.database, name="Bot", entities=[CUSTOMER], roles=["orders:write"])
    found = {
        "the secret of an api key": api_key.split("_", 2)[2],  # which may hold underscores of its own
        "a made-up token": canary("token"),
        "the signing key": json.loads(system.signing_key.read_text())["d"],
        "a token's signature": system.token(roles=EVERYTHING).rpartition(".")[2],
        "idempotency key": canary("key"),
        "an unknown header": canary("header"),
        "a parameter": canary("parameter"),
        "a basic password": canary("password"),
        "the baggage": canary("baggage"),
    }
    password = urlsplit(system.environment.get("HARDWARE_ORDERS_DATABASE_URL", "")).password
    return {**found, **({"the database's password": password} if password else {}), "an api key": api_key}


def test_what_is_secret_or_personal_is_found_only_where_it_belongs(system: System, secrets: dict[str, str]) -> None:
    said = personal()
    headers = {"Idempotency-Key": secrets["idempotency key"], "X-Secret": secrets["an unknown header"]}
    headers |= {"traceparent": TRACEPARENT, "tracestate": "vendor=1", "baggage": f"user={secrets['the baggage']}"}
    with overheard(system) as said_to_redis, system.client(roles=EVERYTHING) as client:
        order_id = client.post(HARDWARE, json=full_order(said), headers=headers).json()["orderId"]
        client.post(f"/orders/{order_id}/status", json={"status": "ONHOLD", "information": said["information"]})
        cancel = {"cancelReasonEnum": "OTHER", "cancelAdditionalReason": said["additional"]}
        assert client.post(f"/orders/{order_id}/cancel", json=cancel).status_code == 200
        parked = client.post(HARDWARE, json=order(notes=said["notes"]), headers={"X-Use-Simplified-Order-Flow": "true"})
        assert parked.json()["status"] == "ONHOLD"
        refusals = [
            client.post(HARDWARE, json=full_order(said), headers=headers),  # 422
            client.post(HARDWARE, json={**full_order(said), "requestedDate": said["notes"]}),
            client.get("/orders", params={"status": secrets["a parameter"]}),
            client.get("/orders", params={"cursor": secrets["a parameter"]}),
            client.put(f"{HARDWARE}/{order_id}", json=full_order(said)),  # 409
            client.get("/orders", headers={"Authorization": f"Bearer {secrets['a made-up token']}"}),
            client.get("/orders", headers={"Authorization": f"Basic {secrets['a basic password']}"}),
        ]
        assert [refused.status_code for refused in refusals] == [422, 400, 400, 400, 409, 401, 401]
        client.headers["Authorization"] = f"Bearer {secrets['an api key']}"
        assert client.post(HARDWARE, json=order()).status_code == 200
        seen = [client.get(path).text for path in ("/healthz", "/readyz", "/metrics")]
    told = eventually(lambda: [event for _, event in system.stream() if event["subject"] == order_id][3:])
    assert told
    everything = json.dumps(system.stream())
    assert all(value[:40] in everything for value in said.values()), "the events tell the whole order"
    for name, value in secrets.items():
        assert value not in everything, name
    answers = "".join(f"{refused.headers}{refused.text}" for refused in refusals)
    for step in ("order_accepted", "order_settled", "order_changed", "event_published"):
        eventually(lambda step=step: any(step in line and order_id in line for line in _lines(system)))  # type: ignore[misc]
    log = system.log.read_text()
    bells = [command for command in said_to_redis if "order.settle" in command]
    if not system.environment.get("HARDWARE_ORDERS_BROKER_URL", "").startswith("amqp"):
        assert [bell for bell in bells if order_id in bell and TRACEPARENT in bell]
    for name, value in {**secrets, **said}.items():
        assert value not in answers, name
        assert value[:40] not in log, name
        assert value[:40] not in "".join(seen), name
        assert value[:40] not in "\n".join(said_to_redis), name


def _lines(system: System) -> list[str]:
    return system.log.read_text().splitlines()


def test_nothing_secret_is_said_while_broker_redis_and_portfolio_service_are_away(tmp_path: Path) -> None:
    away = {name: canary(name) for name in ("broker", "events", "portfolio", "webhook")}
    port, dead = free_port(), free_port()
    said = personal()
    wanted = {
        "DATABASE_URL": f"sqlite:///{tmp_path}/orders.db",
        "BROKER_URL": f"redis://:{away['broker']}@127.0.0.1:{dead}/0",
        "EVENTS_URL": f"redis://:{away['events']}@127.0.0.1:{dead}/1",
        "PORTFOLIO_URL": f"http://127.0.0.1:{dead}",
        "PORTFOLIO_TOKEN": away["portfolio"],
        "LOCAL_SIGNING_KEY": str(tmp_path / "key.json"),
        "SECRET_KEYS": secret_keys.new(),
        "PORT": str(port),
    }
    own = {name: value for name, value in os.environ.items() if not name.startswith("HARDWARE_ORDERS_")}
    own |= {f"HARDWARE_ORDERS_{name}": value for name, value in wanted.items()}
    command = [sys.executable, "-m", "hardware_orders"]
    subprocess.run([*command, "migrate"], env=own, cwd=tmp_path, check=True, capture_output=True, timeout=60)
    log = tmp_path / "log"
    with ExitStack() as stack:
        output = stack.enter_context(log.open("wb"))
        for name in ("api", "worker", "relay"):
            started = subprocess.Popen([*command, name], env=own, cwd=tmp_path, stdout=output, stderr=output)
            stack.callback(stop, started)
        eventually(lambda: "Uvicorn running" in log.read_text(), 60)
        key = local_key.load(tmp_path / "key.json")
        token = local_key.issue(key, sub=ANN, name="Ann", entities=["*"], roles=EVERYTHING, seconds=600)
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", headers={"Authorization": f"Bearer {token}"}) as client:
            answer = client.post(HARDWARE, json=full_order(said), headers={"Idempotency-Key": away["webhook"]})
        assert answer.status_code == 202, answer.text
        for away_line in ("broker_away", "stream_away", "Cannot connect to"):
            eventually(lambda line=away_line: line in log.read_text(), 60)  # type: ignore[misc]
    secret = {**away, **said, "key": wanted["SECRET_KEYS"], "token": token.rpartition(".")[2]}
    secret["signing key"] = json.loads((tmp_path / "key.json").read_text())["d"]
    for name, value in secret.items():
        assert value[:40] not in log.read_text(), name


def test_a_fault_is_logged_under_the_id_of_its_answer_and_without_the_order(system: System) -> None:
    said = personal()
    with system.client(roles=EVERYTHING) as client:
        draft = client.post(HARDWARE, json=order(orderReference=REFUSED), headers=DRAFT).json()["orderId"]
        with refusing(system.database):
            unstored = client.post(HARDWARE, json=full_order(said, orderReference=REFUSED))
            fault = client.put(f"{HARDWARE}/{draft}", json=full_order(said, orderReference=REFUSED))
        assert client.put(f"{HARDWARE}/{draft}", json=order()).status_code == 200
    assert (unstored.status_code, unstored.headers["retry-after"]) == (503, "1")
    assert (fault.status_code, fault.json()["type"]) == (500, "API_ERROR")
    log = system.log.read_text()
    lines = [line for line in log.splitlines() if "request_failed" in line]
    assert [line for line in lines if fault.headers["x-request-id"] in line]
    assert "order_not_stored" in log
    assert "out of order" in log
    for name, value in said.items():
        assert value[:40] not in f"{log}{unstored.text}{fault.text}", name
    assert REFUSED not in log


def test_no_line_of_a_log_is_made_up_by_a_caller(system: System) -> None:
    line = '{"event": "made_up"}'
    with system.client(roles=EVERYTHING) as client:
        for path in (f"/%0d%0a{line}", f"/orders/%0a{line}", f"/orders?status=%0a{line}"):
            assert client.get(path).status_code in (400, 404)
        refused = client.post(HARDWARE, json={f"\n{line}": 1}, headers={"Prefer": line, "traceparent": line})
        assert refused.status_code == 400
        assert "\n" not in refused.text
    assert "made_up" not in system.log.read_text()
