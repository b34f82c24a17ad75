"""Batches: 10,000 orders in one request from end to end, and what single orders notice of it.

How long a single order takes beside a batch is measured in pairs of short windows, one without a batch and one within
the upload of one, so that a slow minute of the machine slows both of a pair.
"""

import contextlib
import json
import socket
import statistics
import threading
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from bench import cpu, load, orders
from bench.load import parse_answer
from bench.scenarios import ASYNC, CONNECTIONS
from bench.summary import latencies
from bench.systems import PATH, System

NAME = "batch"
LINES = 10_000
BATCH_PATH = f"{PATH}/batch"
# A tenth of what the service can do with single orders: somebody at work, no load test.
SINGLE_RATE = 50
WINDOW_SECONDS = 2.5
# The batch has begun to be settled, and the service has noticed the single orders.
LEAD_SECONDS = 0.5
LEAD_ORDERS = round(SINGLE_RATE * LEAD_SECONDS)
PAIRS = 2
WHOLES = 2
MODES = {"respond-async": ASYNC, "default wait": {}}
# A batch that takes longer is given up; the promise is 8 s.
SETTLED_SECONDS = 60.0
POLL_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Whole:
    """A batch of `lines` with nothing beside it. `orders_per_second` counts until all its events are in the stream.

    `memory_mib` is how much more the API held at its peak than before. `cpu_us` is by process and order.
    """

    lines: int
    accepted: int
    taken_in_seconds: float
    settled_seconds: float
    orders_per_second: float
    memory_mib: float | None
    cpu_us: Mapping[str, float]

    @property
    def is_good(self) -> bool:
        return self.accepted == self.lines


@dataclass(frozen=True, slots=True)
class Beside:
    """Single orders of one mode: the median of their medians in milliseconds, alone and within a batch.

    `ratio` is the median of the pairs' ratios, `lines_per_second` what the batch got done meanwhile.
    """

    mode: str
    alone_ms: float
    beside_ms: float
    ratio: float
    lines_per_second: float
    errors: int

    @property
    def is_good(self) -> bool:
        return not self.errors


def whole(system: System) -> Whole:
    """Send one batch and wait until it is settled and its events are in the stream."""
    content = _content("whole")
    events, api = system.events(), next(iter(system.processes()["api"]))
    resident = _reset_peak(api)
    before = cpu.of_trees(system.processes())
    began_at = time.monotonic()
    with _Upload(system, content) as upload:
        found = upload.answer()
    taken_in = time.monotonic() - began_at
    while found["status"] != "SETTLED" and time.monotonic() < began_at + SETTLED_SECONDS:
        time.sleep(POLL_SECONDS)
        found = _batch(system, found["batchId"])
    settled = time.monotonic() - began_at
    wanted = events + found["settled"] * system.events_per_order
    while system.events() < wanted and time.monotonic() < began_at + SETTLED_SECONDS:
        time.sleep(POLL_SECONDS)
    done = time.monotonic() - began_at
    after = cpu.of_trees(system.processes())
    peak = _kib(api, "VmHWM")
    return Whole(
        lines=LINES,
        accepted=found["settled"],
        taken_in_seconds=taken_in,
        settled_seconds=settled,
        orders_per_second=found["settled"] / done,
        memory_mib=(peak - resident) / 1024 if peak and resident else None,
        cpu_us={name: (after[name] - before.get(name, 0.0)) / LINES * 1e6 for name in after},
    )


def beside(system: System, mode: str, pairs: int = PAIRS) -> Beside:
    """Single orders of this mode without and within a batch, in turns."""
    found, lines, errors = [], [], 0
    for _ in range(pairs):
        alone = _window(system, MODES[mode])
        with _Upload(system, _content("beside")) as upload:
            events, began_at = system.events(), time.monotonic()
            within = _window(system, MODES[mode])
            done = (system.events() - events) / system.events_per_order - len(within.scheduled_at)
            lines.append(done / (time.monotonic() - began_at))
            upload.break_off()
        _rest(system)
        errors += alone.errors + within.errors
        found.append((_p50(alone), _p50(within)))
    return Beside(
        mode=mode,
        alone_ms=statistics.median(alone_ms for alone_ms, _ in found),
        beside_ms=statistics.median(within_ms for _, within_ms in found),
        ratio=statistics.median(within_ms / alone_ms for alone_ms, within_ms in found),
        lines_per_second=statistics.median(lines),
        errors=errors,
    )


def _p50(result: load.Result) -> float:
    measured = latencies(result.latencies)
    return measured.p50 if measured else 0.0


def _window(system: System, headers: Mapping[str, str]) -> load.Result:
    """Single orders at their rate; the lead of the window is part of it, alone as within a batch."""
    count = round(SINGLE_RATE * WINDOW_SECONDS) + LEAD_ORDERS
    made = orders.requests(count, prefix=_prefix("single"), path=PATH, headers={**system.headers, **headers})
    return load.run(system.port, made, connections=CONNECTIONS, rate=SINGLE_RATE, deadline=SETTLED_SECONDS)


def _rest(system: System) -> None:
    """Until what was taken in has been settled, and the stream is silent."""
    end, seen = time.monotonic() + SETTLED_SECONDS, -1
    while (events := system.events()) != seen and time.monotonic() < end:
        seen = events
        time.sleep(10 * POLL_SECONDS)


def _prefix(name: str) -> str:
    return f"{name}-{time.time_ns():x}"


def _content(name: str) -> bytes:
    return b"".join(orders.lines(LINES, prefix=_prefix(name)))


class _Upload:
    """One batch on a connection of its own, sent by a thread as fast as the service reads."""

    def __init__(self, system: System, content: bytes) -> None:
        headers = {**system.headers, "Content-Type": "application/x-ndjson", "Content-Length": f"{len(content)}"}
        said = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._request = f"POST {BATCH_PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\n{said}\r\n".encode() + content
        self._socket = socket.create_connection(("127.0.0.1", system.port), SETTLED_SECONDS)
        self._thread = threading.Thread(target=self._send, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.break_off()
        self._thread.join(SETTLED_SECONDS)
        self._socket.close()

    def _send(self) -> None:
        with contextlib.suppress(OSError):  # it was broken off
            self._socket.sendall(self._request)

    def break_off(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def answer(self) -> Any:
        received = b""
        while (answered := parse_answer(received)) is None:
            chunk = self._socket.recv(65_536)
            if not chunk:
                raise OSError("the service closed the connection within a batch")
            received += chunk
        return json.loads(answered[1])


def _batch(system: System, batch_id: str) -> Any:
    url = f"http://127.0.0.1:{system.port}{BATCH_PATH}/{batch_id}?limit=1"
    with urllib.request.urlopen(urllib.request.Request(url, headers=dict(system.headers))) as answer:
        return json.load(answer)


def _reset_peak(pid: int) -> float | None:
    """Forget the process's highest memory; returns what it holds now, in KiB, None where there is no /proc."""
    with contextlib.suppress(OSError):
        Path(f"/proc/{pid}/clear_refs").write_text("5")
    return _kib(pid, "VmRSS")


def _kib(pid: int, name: str) -> float | None:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return float(line.split()[1])
    return None
