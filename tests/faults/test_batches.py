"""A batch whose API, worker or client is killed in its midst is sent again: every line is one order."""

import json
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import func, select

from hardware_orders.tables import batch_items, operations, orders
from tests.backends import BACKENDS, Backend
from tests.faults import processes
from tests.faults.conftest import skip_for
from tests.system import System, eventually, order, running_on

BATCH = "/orders/hardware/batch"
LINES = 400
# Uploads wait in their midst until the kill. The command's cannot: it has so many lines that it is killed before the end.
COMMAND_LINES = 2_000
BEGUN_LINES = 100
PATIENCE_SECONDS = 60
# Each database and each broker once: SQLite with Valkey, PostgreSQL with RabbitMQ. A start and a stop take longer than the kills.
SYSTEMS = (BACKENDS[0], BACKENDS[2])
KILLED = ("api", "worker", "client")


def counted(system: System) -> int:
    with system.database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(batch_items)).scalar_one())


def post(system: System, content: bytes | Iterator[bytes], key: str) -> httpx2.Response | None:
    """The answer to an upload; None when the connection broke."""
    headers = {"Content-Type": "application/x-ndjson", "Idempotency-Key": key}
    with system.client() as client:
        try:
            return client.post(BATCH, content=content, headers=headers, timeout=PATIENCE_SECONDS)
        except httpx2.TransportError:
            return None


def kill_in_the_midst(system: System, name: str, content: bytes, key: str, folder: Path) -> None:
    """Upload, and kill a process once some lines are orders, and before the others are sent.

    An upload that the API was not killed under is answered.
    """
    enough = counted(system) + BEGUN_LINES
    if name == "client":
        kill_the_client(system, content, key, folder, enough)
        return
    find = processes.child if name == "api" else processes.grandchild

    def halves() -> Iterator[bytes]:
        half = content.index(b"\n", len(content) // 2) + 20  # in the midst of a line
        yield content[:half]
        eventually(lambda: counted(system) >= enough, PATIENCE_SECONDS)
        processes.kill(find(system.process.pid, name))
        yield content[half:]

    answered = post(system, halves(), key)
    assert name == "api" or (answered and answered.status_code == 202)


def kill_the_client(system: System, content: bytes, key: str, folder: Path, enough: int) -> None:
    file = folder / "orders.ndjson"
    file.write_bytes(content)
    environment = {**system.environment, "HARDWARE_ORDERS_URL": system.url, "HARDWARE_ORDERS_TOKEN": system.token()}
    command = [sys.executable, "-m", "hardware_orders", "submit", str(file), "--key", key]
    with subprocess.Popen(
        command, env=environment, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as client:
        eventually(lambda: counted(system) >= enough, PATIENCE_SECONDS)
        client.send_signal(signal.SIGKILL)


@pytest.mark.parametrize("backend", SYSTEMS, ids=lambda backend: backend.name)
def test_after_a_kill_the_file_sent_again_makes_every_line_one_order(
    backend: Backend, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    skip_for(backend.absence(), processes.absence())
    with running_on(backend, request) as system:
        for name in KILLED:
            bodies = [order() for _ in range(COMMAND_LINES if name == "client" else LINES)]
            content, key = b"".join(json.dumps(body).encode() + b"\n" for body in bodies), str(uuid.uuid4())
            before = counted(system)
            kill_in_the_midst(system, name, content, key, tmp_path)
            stored = counted(system) - before
            again = sent_again(system, content, key, len(bodies))
            # More may have been stored meanwhile: the broken upload is read to what had arrived of it.
            went_on = again["resumedFrom"]
            assert went_on is None or stored <= went_on < len(bodies)
            check_every_line_is_one_order(system, {body["orderReference"] for body in bodies}, again["batchId"])


def sent_again(system: System, content: bytes, key: str, count: int) -> dict[str, Any]:
    """The answer to the same upload, once the service is back and takes it; returns when the batch has settled."""

    def send() -> dict[str, Any]:
        answer = post(system, content, key)
        return answer.json() if answer and answer.status_code == 202 else {}

    told = eventually(send, PATIENCE_SECONDS)
    assert (told["accepted"], told["failed"]) == (count, 0), told
    with system.client() as client:
        eventually(lambda: client.get(f"{BATCH}/{told['batchId']}?limit=1").json()["settledAt"], PATIENCE_SECONDS)
    return told


def check_every_line_is_one_order(system: System, references: set[str], batch_id: str) -> None:
    lines = select(batch_items.c.item_index, batch_items.c.order_id).where(batch_items.c.batch_id == batch_id)
    made = select(orders.c.order_id, orders.c.due_at).where(orders.c.order_reference.in_(references))
    row = select(operations.c.details).where(operations.c.subject == batch_id)
    with system.database.read() as connection:
        stored, found = connection.execute(lines).all(), connection.execute(made).all()
        told = [json.loads(details) for details in connection.execute(row).scalars()]
    assert sorted(line.item_index for line in stored) == list(range(len(references)))
    assert len(found) == len(references)
    assert {line.order_id for line in stored} == {order.order_id for order in found}
    assert all(order.due_at is None for order in found)
    assert told == [{"accepted": len(references), "failed": 0}]
