"""One round of one scenario: load, wait until everything is settled and in the stream, count again."""

import contextlib
import json
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bench import cpu, load, orders
from bench.processes import PYTHON
from bench.scenarios import CONNECTIONS, Scenario
from bench.summary import Latencies, latencies
from bench.systems import HERE, PATH, System

POLL_SECONDS = 0.01  # an error of one hundredth in a round of a second
LOAD_SECONDS = 120.0
DRAIN_SECONDS = 60.0
READER_END_SECONDS = 30.0

Seen = dict[str, tuple[float, float]]  # order reference: seen at, occurred at, both in epoch seconds


@dataclass(frozen=True, slots=True)
class Measurement:
    """One round. Rates are orders a second, `drain_ms` is from the last answer to the last event in the stream.

    `orders_per_second` counts until every accepted order is settled and in the stream. `stream` is from the settled
    event's own time to a live reader's seeing it, `whole` from the moment an order was scheduled for to that same
    moment; both are for open loops only. `cpu_us` is by process and order, in microseconds.
    """

    scenario: str
    round: int
    sent: int
    accepted: int
    errors: int
    lost: int
    codes: Mapping[int, int]
    first_refusal: str
    accepted_per_second: float
    orders_per_second: float
    drain_ms: float
    accept: Latencies | None
    stream: Latencies | None
    whole: Latencies | None
    cpu_us: Mapping[str, float]

    @property
    def is_good(self) -> bool:
        return not self.errors and not self.lost


def measure(scenario: Scenario, system: System, number: int, count: int) -> Measurement:
    """Send `count` orders to the system in the scenario's way, and see what becomes of them."""
    prefix = f"{scenario.name}-{number}-{time.time_ns():x}"
    requests = orders.requests(count, prefix=prefix, path=PATH, headers={**system.headers, **scenario.headers})
    events, settled = system.events(), system.settled_orders()
    seen: Seen = {}
    with _live_reader(system, seen) if scenario.rate else contextlib.nullcontext():
        before = cpu.of_trees(system.processes())
        result = load.run(system.port, requests, connections=CONNECTIONS, rate=scenario.rate, deadline=LOAD_SECONDS)
        done_at = _drained(system, events + result.accepted * system.events_per_order)
        after = cpu.of_trees(system.processes())
    used = {name: after[name] - before.get(name, 0.0) for name in after} | {"generator": result.cpu_seconds}
    return Measurement(
        scenario=scenario.name,
        round=number,
        sent=count,
        accepted=result.accepted,
        errors=result.errors,
        lost=max(result.accepted - (system.settled_orders() - settled), _missing(system, events, result.accepted)),
        codes=dict(result.codes),
        first_refusal=result.first_refusal,
        accepted_per_second=result.accepted / result.seconds,
        orders_per_second=result.accepted / (done_at - result.started_at),
        drain_ms=(done_at - result.ended_at) * 1000,
        accept=latencies(result.latencies),
        stream=latencies([seen_at - occurred_at for seen_at, occurred_at in seen.values()]),
        whole=latencies(_whole(prefix, result, seen)),
        cpu_us={name: seconds / max(result.accepted, 1) * 1e6 for name, seconds in used.items()},
    )


def _drained(system: System, events: int) -> float:
    """When the stream has had so many events, on the monotonic clock; or when waiting for them is given up.

    On both sides an event is written in the transaction that settles its order, so the rows are settled by then.
    """
    end = time.monotonic() + DRAIN_SECONDS
    while system.events() < events and time.monotonic() < end:
        time.sleep(POLL_SECONDS)
    return time.monotonic()


def _missing(system: System, before: int, accepted: int) -> int:
    """How many orders' events the stream lacks, rounded up."""
    return -((system.events() - before) // system.events_per_order - accepted)


def _whole(prefix: str, result: load.Result, seen: Seen) -> list[float]:
    to_epoch = time.time() - time.monotonic()
    return [
        seen_at - (result.scheduled_at[int(reference.rpartition("-")[2])] + to_epoch)
        for reference, (seen_at, _) in seen.items()
        if reference.startswith(prefix)
    ]


@contextlib.contextmanager
def _live_reader(system: System, seen: Seen) -> Iterator[None]:
    """Follow the stream while the block lasts; what was seen is put into `seen` when it has ended."""
    argv = [*PYTHON, "bench.stream_reader", system.events_url, system.stream]
    with subprocess.Popen(  # noqa: S603 - our own command, no shell
        argv, cwd=HERE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as reader:
        try:
            assert reader.stdout  # noqa: S101 - it is a pipe
            reader.stdout.readline()
            yield
            seen.update(json.loads(reader.communicate(timeout=READER_END_SECONDS)[0]))
        finally:
            reader.kill()
