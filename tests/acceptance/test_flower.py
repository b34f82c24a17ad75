"""Flower, as it comes, beside the workers: it sees who works, and tasks whose names and arguments say something."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

from tests.system import System, eventually, free_port, order, stop

START_SECONDS = 60


@contextmanager
def flower(system: System, folder: Path) -> Iterator[httpx2.Client]:
    """Flower at the system's broker, on a port of its own, as `celery flower` starts it."""
    broker = system.environment.get("HARDWARE_ORDERS_BROKER_URL")
    if not broker:
        data = system.environment["HARDWARE_ORDERS_DATA_DIR"]
        broker = f"redis+socket://{data}/valkey.sock?virtual_host=0"
    port = free_port()
    command = [sys.executable, "-m", "celery", "--broker", broker, "flower", f"--port={port}", "--address=127.0.0.1"]
    environment = {**os.environ, "FLOWER_UNAUTHENTICATED_API": "true"}
    with (folder / "flower.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
    try:
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
            eventually(lambda: is_up(client), START_SECONDS)
            yield client
    finally:
        stop(process)


def is_up(client: httpx2.Client) -> bool:
    try:
        return client.get("/healthcheck").status_code == 200
    except httpx2.TransportError:
        return False


def is_a_worker_there(client: httpx2.Client) -> bool:
    return any(worker["status"] for worker in client.get("/workers", params={"json": "1"}).json()["data"])


def test_flower_sees_the_worker_and_what_its_tasks_are_about(system: System, tmp_path: Path) -> None:
    with flower(system, tmp_path) as watched, system.client() as client:
        sent: list[str] = []

        def seen() -> dict[str, Any] | None:
            # Flower asks workers for their events when it starts; those that come before they have heard are not told.
            sent.append(client.post("/orders/hardware", json=order()).json()["orderId"])
            tasks: dict[str, dict[str, Any]] = watched.get("/api/tasks").json()
            # Of one that was under way when Flower began to listen it knows no name.
            return next((task for task in tasks.values() if task["state"] == "SUCCESS" and task["name"]), None)

        task = eventually(seen, START_SECONDS)
        eventually(lambda: is_a_worker_there(watched), START_SECONDS)
    assert task is not None
    assert task["name"] == "order.settle"
    assert task["kwargs"].startswith("1 order(s), the first ")
    assert task["kwargs"].rpartition(" ")[2] in sent
