"""A system under load, and a browser that looks at it; one of each for all tests here."""

import asyncio
import json
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from hardware_orders import samples
from hardware_orders.roles import Role
from tests import backends
from tests.backends import CHROMIUM
from tests.system import CUSTOMER, System, order, running

# Enough to move every number within a second, and little for two cores.
ORDERS_A_SECOND = 5.0
WAIT_MILLISECONDS = 30_000


@pytest.fixture(scope="session")
def chromium() -> backends.Program:
    reason = CHROMIUM.absence()
    if reason:
        pytest.skip(reason)
    return CHROMIUM


@pytest.fixture(scope="module")
def system(chromium: backends.Program) -> Iterator[System]:
    assert chromium.program
    with (
        tempfile.TemporaryDirectory(prefix="ho-") as folder,
        running(Path(folder), {"DATA_DIR": f"{folder}/data"}) as system,
        load(system),
    ):
        yield system


@contextmanager
def load(system: System) -> Iterator[None]:
    """Orders of the sample customers, complete and simplified, and now and then one that cannot be completed."""
    stopping = threading.Event()
    bodies = [
        (step["body"], step.get("simplified", False))
        for sample in samples.orders()
        for step in sample["steps"]
        if step["do"] == "create"
    ]
    thread = threading.Thread(target=_send, args=(system, bodies, stopping), name="load", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join(timeout=30)


def _send(system: System, bodies: list[Any], stopping: threading.Event) -> None:
    headers = {"Authorization": f"Bearer {system.token(roles=tuple(Role))}"}
    with httpx2.Client(base_url=system.url, headers=headers, timeout=30) as client:
        number = 0
        while not stopping.wait(1 / ORDERS_A_SECOND):
            body, simplified = bodies[number % len(bodies)]
            client.post(
                "/orders/hardware",
                json=body,
                headers={"X-Use-Simplified-Order-Flow": json.dumps(simplified), "Prefer": "respond-async"},
            )
            number += 1


def parked(system: System, count: int, **extra: Any) -> list[str]:
    """Ids of orders that nobody could complete, because the Portfolio Service does not know their customer."""
    with system.client(roles=tuple(Role)) as client:
        made = [
            client.post(
                "/orders/hardware",
                json=order(customerEntityUid=CUSTOMER, **extra),
                headers={"X-Use-Simplified-Order-Flow": "true", "Prefer": "wait=20"},
            ).json()
            for _ in range(count)
        ]
    assert [one["status"] for one in made] == ["ONHOLD"] * count
    return [one["orderId"] for one in made]


@dataclass
class Receiver:
    """A webhook endpoint on this machine, and what it was told."""

    url: str
    told: list[dict[str, Any]] = field(default_factory=list)
    endpoint_id: str = ""


@pytest.fixture(scope="module")
def receiver(system: System) -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # the name that http.server calls
            found.told.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nobody reads it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found = Receiver(f"http://127.0.0.1:{server.server_port}/told")
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        with system.client(roles=tuple(Role)) as client:
            answer = client.post("/webhooks", json={"url": found.url})
            assert answer.status_code == 201, answer.text
            found.endpoint_id = answer.json()["endpointId"]
        yield found
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def browser(chromium: backends.Program) -> Iterator[Browser]:
    """Ended with the module: while Playwright runs, so does its event loop, and no other test could run one."""
    with sync_playwright() as playwright:
        # As root, as CI is, Chromium's sandbox cannot be had; what it opens here are our own pages.
        expect.set_options(timeout=WAIT_MILLISECONDS)
        browser = playwright.chromium.launch(executable_path=chromium.program, args=["--no-sandbox"])
        yield browser
        browser.close()
    # It may end while this thread is still marked as running its loop, which by now is closed.
    asyncio._set_running_loop(None)


@dataclass
class Watched:
    """A page, and what its console said; violations of the policy are said there as well."""

    page: Page
    system: System
    said: list[str] = field(default_factory=list)

    def go(self, path: str = "") -> Page:
        self.page.goto(f"{self.system.url}/dashboard{path}")
        return self.page

    def hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.said.append(message.text)


@contextmanager
def watched(browser: Browser, system: System, **options: Any) -> Iterator[Watched]:
    """A browser of its own; it must end without an error and without a violation."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
    context.set_default_timeout(WAIT_MILLISECONDS)
    page = context.new_page()
    found = Watched(page, system)
    page.on("console", found.hear)
    page.on("pageerror", lambda error: found.said.append(str(error)))
    try:
        yield found
        assert found.said == []
    finally:
        context.close()


@pytest.fixture
def visit(browser: Browser, system: System) -> Iterator[Watched]:
    with watched(browser, system) as found:
        yield found
