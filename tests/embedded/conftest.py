"""A supervisor in a process of its own, with small real children that write down what happens to them."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

PATIENCE_SECONDS = 30  # how long a test waits for what must happen; never a measure of speed

# Tests that run under nohup hand its ignored SIGHUP down.
SUPERVISOR = """
import json, os, signal, sys
from pathlib import Path
from hardware_orders.embedded.child import Child
from hardware_orders.embedded.progress import Progress
from hardware_orders.embedded.supervisor import Supervisor

signal.signal(signal.SIGHUP, signal.SIG_DFL)
stages = [[Child(env=os.environ, **child) for child in stage] for stage in json.loads(sys.argv[1])]
folder = Path(sys.argv[2])
sys.exit(Supervisor(folder, Progress()).run(stages, lambda: print("all ready", flush=True)))
"""

CHILD = """
import os, signal, sys, time
from pathlib import Path
from hardware_orders import notify

name, journal, *habits = sys.argv[1:]

def note(what):
    with open(journal, "a") as file:
        file.write(f"{what} {name} {os.getpid()}\\n")

def stop(*_):
    note("stopped")
    sys.exit(3 if "stops-badly" in habits else 0)

signal.signal(signal.SIGTERM, signal.SIG_IGN if "ignores-sigterm" in habits else stop)
note("started")
print(f"this is {name}", flush=True)
if "dies-early" in habits:
    sys.exit("cannot go on")
if "ends-well" in habits:
    sys.exit(0)
if "long-line" in habits:
    print("x" * 1_000_000, flush=True)
if "forks" in habits and os.fork() == 0:
    note("forked")
    time.sleep(1000)
if "never-ready" not in habits:
    notify.ready()
while True:
    signal.pause()
"""


@dataclass
class Supervised:
    """A running supervisor; its output so far; and what its children wrote down."""

    process: subprocess.Popen[str]
    journal: Path
    output: str = ""

    def until(self, text: str) -> str:
        """Read on until this text comes. Returns all output so far."""
        assert self.process.stdout
        while text not in self.output:
            line = self.process.stdout.readline()
            assert line, f"ended without {text!r}:\n{self.output}"
            self.output += line
        return self.output

    def end(self) -> int:
        """Read the rest and wait. Returns the exit code."""
        assert self.process.stdout
        self.output += self.process.stdout.read()
        return self.process.wait(PATIENCE_SECONDS)

    def noted(self) -> list[str]:
        """`started api`, `stopped api` … in the order in which they happened."""
        return [line.rpartition(" ")[0] for line in self._lines()]

    def pids(self, note: str) -> list[int]:
        return [int(line.rpartition(" ")[2]) for line in self._lines() if line.rpartition(" ")[0] == note]

    def _lines(self) -> list[str]:
        return self.journal.read_text().splitlines() if self.journal.exists() else []


def is_alive(pid: int) -> bool:
    """Whether it runs; a zombie, which nobody has waited for yet, does not."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    return False


def eventually(holds: Callable[[], bool]) -> None:
    """Wait for what must come to hold."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < end, "it never came to hold"
        time.sleep(0.02)


@pytest.fixture
def wait_until() -> Callable[[Callable[[], bool]], None]:
    return eventually


@pytest.fixture
def child(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """A child for `supervise`: its name, its habits (see CHILD), and more members of `Child`."""

    def described(name: str, *habits: str, **members: Any) -> dict[str, Any]:
        argv = [sys.executable, "-c", CHILD, name, str(tmp_path / "journal"), *habits]
        return {"name": name, "argv": argv, **members}

    return described


@pytest.fixture
def supervise(tmp_path: Path) -> Iterator[Callable[..., Supervised]]:
    """Start a supervisor for these stages. At the end no process of it may be left."""
    running: list[Supervised] = []
    watchdogs: list[threading.Timer] = []

    def start(*stages: list[dict[str, Any]]) -> Supervised:
        sockets = tmp_path / "sockets"
        sockets.mkdir()
        process = subprocess.Popen(
            [sys.executable, "-c", SUPERVISOR, json.dumps(stages), str(sockets)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        running.append(Supervised(process, tmp_path / "journal"))
        watchdogs.append(threading.Timer(PATIENCE_SECONDS, process.kill))  # ends a read that would never end
        watchdogs[-1].start()
        return running[-1]

    yield start
    for watchdog in watchdogs:
        watchdog.cancel()
    for supervised in running:
        supervised.process.kill()
        supervised.process.wait()
        if supervised.process.stdout:
            supervised.process.stdout.close()
        left = [int(line.rpartition(" ")[2]) for line in supervised._lines()]
        try:
            eventually(lambda left=left: not any(map(is_alive, left)))  # type: ignore[misc]
        finally:
            for pid in filter(is_alive, left):
                os.kill(pid, signal.SIGKILL)
