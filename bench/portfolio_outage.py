"""`python -m bench.portfolio_outage`: what orders outside the simplified flow notice of a Portfolio Service that is away.

Pairs of runs, one after the other: a control with the service well, and an outage of the same length. Orders come at a
fixed rate, every other one to be completed from the portfolio of a customer whom nobody has met before in that run.
"""

import argparse
import contextlib
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import psycopg
from rich.console import Console
from rich.table import Table

from bench import load, machine, orders
from bench.errors import BenchFailedError
from bench.processes import PYTHON, free_ports, is_listening, running
from bench.servers import PROJECT_DATABASE, Postgres, postgres, redis_server
from bench.summary import latencies, spread
from bench.systems import PATH, System, project

CUSTOMERS = 200  # of one run
# Callers of simplified orders wait so long each while the service is away, so that 50 of them are held at a time; and
# each connection is used again within the 5 s after which an idle one is closed.
WAIT = "wait=2"
CONNECTIONS = 64
# A hang and a refusal in turn: one holds what asks, the other comes back at once to be asked again.
MODES: Sequence[dict[str, Any]] = ({"mode": "slow", "seconds": 600}, {"mode": "error"})
WAITING = "SELECT count(*) FROM orders WHERE due_at IS NOT NULL"
SETTLED_MOST_SECONDS = 90.0
POLL_SECONDS = 0.1

console = Console(highlight=False, width=None if sys.stdout.isatty() else 140)


@dataclass(frozen=True, slots=True)
class Run:
    """One run. Latencies are of the orders that need no portfolio, in milliseconds; the rest of the outages alone."""

    p50: float
    p99: float
    unsettled_answers: int
    calls: int
    waited: int
    settled_after: float


@dataclass(frozen=True, slots=True)
class Bench:
    system: System
    service: httpx2.Client
    database_url: str
    rate: float
    seconds: float

    def waiting(self) -> int:
        return waiting(self.database_url)

    def run(self, number: int, misbehaviour: dict[str, Any] | None) -> Run:
        self._misbehave(misbehaviour)
        self.service.delete("/calls").raise_for_status()
        plain, simplified = self._loaded(number)
        calls, waited = int(self.service.get("/calls").raise_for_status().json()["total"]), self.waiting()
        self._misbehave(None)
        settled_after = self._settled()
        if plain.errors or simplified.errors:
            faults = [
                f"{half.broken} broken, {half.unanswered} unanswered {half.first_refusal}"
                for half in (plain, simplified)
            ]
            raise BenchFailedError(f"Orders were not accepted: {'; '.join(faults)}")
        told = latencies(plain.latencies)
        assert told  # noqa: S101 - all were accepted
        return Run(told.p50, told.p99, plain.codes[202], calls, waited, settled_after)

    def _loaded(self, number: int) -> tuple[load.Result, load.Result]:
        """Both halves of the load, each at half the rate."""
        with ThreadPoolExecutor(2) as pool:
            halves = [
                pool.submit(
                    load.run,
                    self.system.port,
                    self._requests(number, simplified=simplified),
                    connections=CONNECTIONS,
                    rate=self.rate / 2,
                    deadline=self.seconds + 30,
                )
                for simplified in (False, True)
            ]
            plain, simplified = (half.result() for half in halves)
        return plain, simplified

    def _requests(self, number: int, *, simplified: bool) -> list[bytes]:
        headers = {**self.system.headers, "X-Use-Simplified-Order-Flow": str(simplified).lower(), "Prefer": WAIT}
        count = round(self.rate * self.seconds / 2)
        return requests(
            count, f"outage-{number}-{simplified}", headers, range(number * CUSTOMERS, (number + 1) * CUSTOMERS)
        )

    def _settled(self) -> float:
        """How long it takes from now until nothing waits."""
        started_at = time.monotonic()
        while self.waiting():
            if time.monotonic() - started_at > SETTLED_MOST_SECONDS:
                raise BenchFailedError(f"Orders still wait {SETTLED_MOST_SECONDS:.0f} s after the service's return.")
            time.sleep(POLL_SECONDS)
        return time.monotonic() - started_at

    def _misbehave(self, misbehaviour: dict[str, Any] | None) -> None:
        self.service.put("/misbehaviour", json=misbehaviour or {"mode": "none"}).raise_for_status()


def main() -> int:
    """Returns the exit code: 0 when every order was accepted and settled."""
    parser = argparse.ArgumentParser(prog="python -m bench.portfolio_outage", description=__doc__)
    parser.add_argument("--pairs", type=int, default=5, help="pairs of runs (5)")
    parser.add_argument("--seconds", type=float, default=60.0, help="length of one run (60)")
    parser.add_argument("--rate", type=float, default=50.0, help="orders a second, half of them simplified (50)")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what was started ends with it
    try:
        customers = (2 * options.pairs + 1) * CUSTOMERS
        with (
            tempfile.TemporaryDirectory(prefix="orders-bench-") as folder,
            started(Path(folder), customers) as (system, service, database_url),
        ):
            bench = Bench(system, service, database_url, options.rate, options.seconds)
            bench.run(2 * options.pairs, None)  # a warm-up that is not counted
            pairs = [_pair(bench, number, options.pairs) for number in range(options.pairs)]
    except BenchFailedError as error:
        console.print(f"[red]{error}[/red]", soft_wrap=True)
        return 1
    _show(pairs, options.seconds)
    return 0


def _pair(bench: Bench, number: int, pairs: int) -> tuple[Run, Run]:
    pair = bench.run(2 * number, None), bench.run(2 * number + 1, MODES[number % len(MODES)])
    console.print(f"Pair {number + 1} of {pairs}: p50 {pair[0].p50:.1f} and {pair[1].p50:.1f} ms")
    return pair


def requests(count: int, prefix: str, headers: Mapping[str, str], customers: Sequence[int]) -> list[bytes]:
    """Orders of these customers in turn, as requests ready to send."""
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    start = f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n{head}"
    made = []
    for index in range(count):
        body = {
            "orderReference": f"{prefix}-{index}",
            "customerEntityUid": orders.customer_entity_uid(customers[index % len(customers)]),
            "notes": orders.NOTES,
        }
        content = json.dumps(body).encode()
        made.append(f"{start}Content-Length: {len(content)}\r\n\r\n".encode() + content)
    return made


def waiting(database_url: str) -> int:
    """Orders that are not settled."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        row = connection.execute(WAITING.encode()).fetchone()
        return int(row[0]) if row else 0


@contextlib.contextmanager
def started(folder: Path, customers: int, **settings: str) -> Iterator[tuple[System, httpx2.Client, str]]:
    """The project on servers, the reference service that it asks about so many customers, and the database's URL."""
    port = next(free_ports())
    url = f"http://127.0.0.1:{port}"
    file = folder / "service.json"
    file.write_text(json.dumps(orders.portfolio_document(customers)))
    words = ["hardware_orders", "portfolio", "serve", str(file), "--port", str(port)]
    with contextlib.ExitStack() as stack:
        process = stack.enter_context(running("service", [*PYTHON, *words], os.environ, folder, folder))
        process.wait_until(lambda: is_listening(port))
        server: Postgres | None = stack.enter_context(postgres())
        if server is None:
            raise BenchFailedError("No PostgreSQL answers.")
        (folder / "redis").mkdir()
        broker = stack.enter_context(redis_server(folder / "redis"))
        console.print(machine.describe(postgres=server.version, redis=broker.version), soft_wrap=True)
        system = stack.enter_context(project((server, broker), folder, PORTFOLIO_URL=url, **settings))
        client = stack.enter_context(httpx2.Client(base_url=url, trust_env=False))
        yield system, client, server.database_url(PROJECT_DATABASE)


def _show(pairs: Sequence[tuple[Run, Run]], seconds: float) -> None:
    table = Table("pair", "p50 ms", "away", "ratio", "p99 ms", "away", "202", "calls/s", "waited", "settled after s")
    for number, (control, away) in enumerate(pairs, start=1):
        table.add_row(
            str(number),
            f"{control.p50:.1f}",
            f"{away.p50:.1f}",
            f"{away.p50 / control.p50:.2f}",
            f"{control.p99:.1f}",
            f"{away.p99:.1f}",
            str(away.unsettled_answers),
            f"{away.calls / seconds:.2f}",
            str(away.waited),
            f"{away.settled_after:.1f}",
        )
    console.print(table)
    ratio = spread([away.p50 / control.p50 for control, away in pairs])
    controls, outages = spread([control.p99 for control, _ in pairs]), spread([away.p99 for _, away in pairs])
    if ratio and controls and outages:
        console.print(
            f"Orders that need no portfolio: p50 {ratio.median:.2f} of the control's ({ratio.min:.2f} to"
            f" {ratio.max:.2f}); p99 {outages.min:.1f} to {outages.max:.1f} ms, the controls' {controls.min:.1f} to"
            f" {controls.max:.1f} ms."
        )


if __name__ == "__main__":
    sys.exit(main())
