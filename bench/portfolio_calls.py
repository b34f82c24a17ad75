"""`python -m bench.portfolio_calls`: how often the Portfolio Service is asked about so many orders of so many customers.

All orders are to be completed from portfolios, and several workers' children settle them.
"""

import argparse
import signal
import sys
import tempfile
import time
from pathlib import Path

from bench import load
from bench.errors import BenchFailedError
from bench.portfolio_outage import console, requests, started, waiting

CONNECTIONS = 64
FRESH_SECONDS = 60  # as the reference service says
DEADLINE_SECONDS = 900.0
POLL_SECONDS = 0.1


def main() -> int:
    """Returns the exit code: 0 when every order was settled, and no customer was asked about twice in a window."""
    parser = argparse.ArgumentParser(prog="python -m bench.portfolio_calls", description=__doc__)
    parser.add_argument("--count", type=int, default=100_000, help="orders (100,000)")
    parser.add_argument("--customers", type=int, default=1_000, help="their customers (1,000)")
    parser.add_argument("--children", type=int, default=4, help="children of the worker (4)")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what was started ends with it
    try:
        seconds, calls = _measured(options.count, options.customers, options.children)
    except BenchFailedError as error:
        console.print(f"[red]{error}[/red]", soft_wrap=True)
        return 1
    windows = int(seconds // FRESH_SECONDS) + 1
    console.print(
        f"{options.count:,} orders of {options.customers:,} customers, {options.children} children: {calls:,} calls in"
        f" {seconds:.0f} s ({windows} windows of freshness)."
    )
    return 0 if calls <= windows * options.customers else 1


def _measured(count: int, customers: int, children: int) -> tuple[float, int]:
    """How long it took until everything was settled, and how often the service was asked."""
    with (
        tempfile.TemporaryDirectory(prefix="orders-bench-") as folder,
        started(Path(folder), customers, WORKER_CONCURRENCY=str(children)) as (system, service, database_url),
    ):
        headers = {**system.headers, "X-Use-Simplified-Order-Flow": "true", "Prefer": "respond-async"}
        prepared = requests(count, "calls", headers, range(customers))
        started_at = time.monotonic()
        sent = load.run(system.port, prepared, connections=CONNECTIONS, rate=None, deadline=DEADLINE_SECONDS)
        if sent.errors:
            raise BenchFailedError(f"{sent.errors} orders were not accepted: {sent.first_refusal}")
        while waiting(database_url):
            if time.monotonic() > started_at + DEADLINE_SECONDS:
                raise BenchFailedError("Orders still wait.")
            time.sleep(POLL_SECONDS)
        seconds = time.monotonic() - started_at
        return seconds, int(service.get("/calls").raise_for_status().json()["total"])


if __name__ == "__main__":
    sys.exit(main())
