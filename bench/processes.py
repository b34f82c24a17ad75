"""Starts a process, waits until it is ready, and ends it by its pid; and finds free ports for servers."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.errors import BenchFailedError

READY_SECONDS = 30.0  # the slowest takes about three
STOP_SECONDS = 35.0  # a Celery worker may finish what it has begun; the project's own bound is 30
POLL_SECONDS = 0.05
LAST_LINES = 20
# Below what Linux and macOS hand out to clients, so that no client's socket can hold a server's port.
FIRST_PORT, LAST_PORT = 21_000, 31_000

PYTHON = (sys.executable, "-m")


@dataclass(frozen=True, slots=True)
class Process:
    """A running process of the benchmark's own; it says what it says to `log`."""

    name: str
    popen: subprocess.Popen[bytes]
    log: Path

    def wait_until(self, is_ready: Callable[[], bool]) -> None:
        """Return once it is ready. Raises BenchFailedError, with its last lines, when it ends or takes too long."""
        end = time.monotonic() + READY_SECONDS
        while not is_ready():
            if self.popen.poll() is not None:
                raise BenchFailedError(
                    f"{self.name} ended with exit code {self.popen.returncode}:\n{self.last_lines()}"
                )
            if time.monotonic() > end:
                raise BenchFailedError(f"{self.name} was not ready in {READY_SECONDS:.0f} s:\n{self.last_lines()}")
            time.sleep(POLL_SECONDS)

    def last_lines(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-LAST_LINES:])


@contextlib.contextmanager
def running(name: str, argv: Sequence[str], env: Mapping[str, str], cwd: Path, logs: Path) -> Iterator[Process]:
    """The process, in a session of its own so that a terminal's Ctrl-C reaches the benchmark alone; ended with it."""
    log = logs / f"{name}.log"
    with log.open("ab") as output:
        popen = subprocess.Popen(  # noqa: S603 - our own commands, no shell
            argv,
            env=env,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield Process(name, popen, log)
    finally:
        _stop(popen)


def _stop(popen: subprocess.Popen[bytes]) -> None:
    popen.terminate()
    try:
        popen.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        popen.kill()
        popen.wait()
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(popen.pid, signal.SIGKILL)  # what it started and left behind


def run_to_end(argv: Sequence[str], env: Mapping[str, str], cwd: Path) -> str:
    """What it wrote to standard output. Raises BenchFailedError when it fails."""
    done = subprocess.run(  # noqa: S603 - our own commands, no shell
        argv, env=env, cwd=cwd, capture_output=True, text=True, check=False, timeout=READY_SECONDS
    )
    if done.returncode:
        raise BenchFailedError(f"{' '.join(argv[1:4])} failed:\n{done.stderr}")
    return done.stdout.strip()


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_ports() -> Iterator[int]:
    """Ports of the loopback interface that nobody listens on, each once."""
    for port in range(FIRST_PORT + os.getpid() % 5_000, LAST_PORT):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            yield port
    raise BenchFailedError(f"No port from {FIRST_PORT} to {LAST_PORT} is free.")
