"""`python -m bench.dashboards`: what the intake notices of fifty open dashboards.

Pairs of runs, one after the other and in turn with either first: a control that nobody watches, and one with the
dashboards open. Orders come at a fixed rate. The viewers are a process of their own, each with its page, its history and
its stream, which it reads as a browser would.
"""

import argparse
import asyncio
import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx2
from rich.console import Console
from rich.table import Table

from bench import load, machine, orders
from bench.errors import BenchFailedError
from bench.processes import PYTHON, run_to_end, running
from bench.servers import postgres, redis_server
from bench.summary import latencies, spread
from bench.systems import PATH, PREFIX, project

HERE = Path(__file__).parent.parent
CONNECTIONS = 64
WARM_UP_SECONDS = 5.0
# Between runs: what is still being settled and published is not the next one's.
REST_SECONDS = 2.0
# The promise: the median within a tenth, the 99th percentile within what control runs differ by among themselves.
P50_MOST = 1.10
COOKIE = "hardware_orders_credentials"

console = Console(highlight=False, width=None if sys.stdout.isatty() else 140)


@dataclass(frozen=True, slots=True)
class Run:
    """One run's latencies in milliseconds, and how many samples the viewers were sent in it."""

    p50: float
    p99: float
    samples: int


def main() -> int:
    """Returns the exit code: 0 when the promise was kept."""
    options = _options()
    if options.view:
        asyncio.run(_view(options.view, options.dashboards))
        return 0
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ho-bench-")))
        server = stack.enter_context(postgres())
        if server is None:
            raise BenchFailedError("There is no PostgreSQL server to measure on.")
        servers = (server, stack.enter_context(redis_server(folder)))
        system = stack.enter_context(project(servers, folder))
        headers = {**system.headers, "Prefer": "respond-async"}
        _load(system.port, headers, options.rate, WARM_UP_SECONDS, "warm-up")
        controls: list[Run] = []
        watched: list[Run] = []
        for pair in range(options.pairs):
            for is_watched in (False, True) if pair % 2 == 0 else (True, False):
                prefix = f"pair-{pair}-{'watched' if is_watched else 'control'}"
                viewers = _viewers(system.port, folder, options.dashboards) if is_watched else contextlib.nullcontext()
                with viewers as log:
                    run = _load(system.port, headers, options.rate, options.seconds, prefix)
                samples = log.read_text().count("sample\n") if log else 0
                run = Run(run.p50, run.p99, samples)
                (watched if is_watched else controls).append(run)
                told = f", {samples:,} samples shown" if is_watched else ""
                console.print(f"{prefix}: p50 {run.p50:.2f} ms, p99 {run.p99:.2f} ms{told}")
                time.sleep(REST_SECONDS)
    console.print(machine.describe(postgres=server.version, redis=servers[1].version))
    return _report(controls, watched, options)


def _load(port: int, headers: Mapping[str, str], rate: float, seconds: float, prefix: str) -> Run:
    requests = orders.requests(round(rate * seconds), prefix=prefix, path=PATH, headers=headers)
    result = load.run(port, requests, connections=CONNECTIONS, rate=rate, deadline=seconds * 3 + 30)
    found = latencies(result.latencies)
    if result.errors or found is None:
        raise BenchFailedError(f"{result.errors} orders were not accepted; the first refusal: {result.first_refusal}")
    return Run(found.p50, found.p99, 0)


@contextlib.contextmanager
def _viewers(port: int, folder: Path, count: int) -> Iterator[Path]:
    """The process of all viewers; its log has a line for each sample that one of them was sent."""
    key = {f"{PREFIX}LOCAL_SIGNING_KEY": str(folder / "signing-key.json"), "PYTHONUNBUFFERED": "1"}
    env = {**{name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}, **key}
    words = ["token", "--sub", "00000000-0000-4000-8000-000000000002", "--entity", "*", "--role", "admin"]
    token = run_to_end([*PYTHON, "hardware_orders", *words], env, folder)
    argv = [*PYTHON, "bench.dashboards", "--view", f"{port}", "--dashboards", f"{count}"]
    log = folder / f"viewers-{time.monotonic_ns()}.log"
    with running(log.stem, argv, {**env, "BENCH_VIEWER_TOKEN": token}, HERE, folder) as process:
        process.wait_until(lambda: log.read_text().count("open\n") == count)
        yield log


async def _view(port: int, count: int) -> None:
    """Until the process is ended."""
    cookie = {"Cookie": f"{COOKIE}={os.environ['BENCH_VIEWER_TOKEN']}"}
    limits = httpx2.Limits(max_connections=None)
    async with (
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=cookie, limits=limits, timeout=30) as client,
        asyncio.TaskGroup() as group,
    ):
        for _ in range(count):
            group.create_task(_watch(client))


async def _watch(client: httpx2.AsyncClient) -> None:
    for path in ("/dashboard", "/dashboard/history"):
        (await client.get(path)).raise_for_status()
    is_first = True
    while True:
        async with client.stream("GET", "/dashboard/live") as answer:
            answer.raise_for_status()
            if is_first:
                sys.stdout.write("open\n")
                is_first = False
            async for part in answer.aiter_raw():
                # Whatever else is done with them costs cores that the service shares here, and not with browsers.
                sys.stdout.write("sample\n" * part.count(b"\n\n"))


def _report(controls: list[Run], watched: list[Run], options: argparse.Namespace) -> int:
    table = Table(title=f"{options.dashboards} dashboards, {options.rate:,.0f} orders a second, {options.pairs} pairs")
    for column in ("", "p50 min", "p50 median", "p50 max", "p99 min", "p99 median", "p99 max"):
        table.add_column(column, justify="right" if column else "left")
    for name, runs in (("control", controls), ("watched", watched)):
        spreads = [spread([run.p50 for run in runs]), spread([run.p99 for run in runs])]
        figures = [f"{value:.2f}" for one in spreads if one for value in (one.min, one.median, one.max)]
        table.add_row(name, *figures)
    console.print(table)
    p50, control_p50 = (spread([run.p50 for run in runs]) for runs in (watched, controls))
    p99, control_p99 = (spread([run.p99 for run in runs]) for runs in (watched, controls))
    if not (p50 and control_p50 and p99 and control_p99):
        raise BenchFailedError("There was no run.")
    ratio = p50.median / control_p50.median
    is_kept = ratio <= P50_MOST and p99.median <= control_p99.max
    console.print(
        f"Median p50 {ratio:.3f} of the controls' (at most {P50_MOST:.2f}); median p99 {p99.median:.2f} ms, "
        f"controls up to {control_p99.max:.2f} ms: {'kept' if is_kept else 'NOT kept'}."
    )
    return 0 if is_kept else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.dashboards", description=__doc__)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=20, help="of each run")
    parser.add_argument("--rate", type=float, default=200, help="orders a second")
    parser.add_argument("--dashboards", type=int, default=50)
    parser.add_argument("--view", type=int, default=0, help=argparse.SUPPRESS)  # the port; how the viewers are started
    return parser.parse_args()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BenchFailedError as failure:
        sys.exit(f"The benchmark failed: {failure}")
