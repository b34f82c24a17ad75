"""One process under the supervisor: how it is started and ended, how it says that it is ready, what it last said."""

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

LAST_LINES = 20  # a Python traceback's useful end
LINE_LENGTH = 1000  # a log line of this project is below it; what is longer is a dump that would bury the rest
FIRST_DELAY = 0.25
LONGEST_DELAY = 5.0  # a broken child costs nothing at this pace, and a mended one is back well within 15 s
ALIVE_ENOUGH_SECONDS = 30.0  # who lived this long had started well, so its next death begins the delays anew
PIPE_BYTES = 65536  # what a pipe holds (pipe(7)), so that one read empties it
KILLED_SECONDS = 5.0  # SIGKILL takes milliseconds; only a process stuck in the kernel takes longer, and is left to it

_PR_SET_PDEATHSIG = 1  # prctl(2)
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass(frozen=True, slots=True)
class Child:
    """What to run, with its whole environment.

    It is ready when `is_ready()` holds; without one, when it sends `READY=1` to `$NOTIFY_SOCKET` (sd_notify(3)).
    A child that `runs_once` is ready when it has ended with exit code 0, however long that takes.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    is_ready: Callable[[], bool] | None = None
    runs_once: bool = False
    is_echoed: bool = True
    ready_seconds: float = 15.0  # the slowest of our processes needs two on a slow machine
    stop_seconds: float = 10.0
    folder: Path | None = None


class Lines:
    """Cuts a stream of bytes into lines of at most `LINE_LENGTH` characters, in bounded memory."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[str]:
        """The lines that `data` completes."""
        *whole, rest = (self._rest + data).split(b"\n")
        self._rest = rest[: 4 * LINE_LENGTH + 1]  # a character has at most four bytes; the rest would be cut anyway
        return [_cut(line) for line in whole]

    def end(self) -> list[str]:
        """The line that never got its line feed, if there is one."""
        return self.feed(b"\n") if self._rest else []


def _cut(line: bytes) -> str:
    text = line.decode(errors="replace").rstrip("\r")
    return text if len(text) <= LINE_LENGTH else text[: LINE_LENGTH - 1] + "…"


class Process:
    """A `Child` that is started, dies and is started again. The supervisor's loop drives it; nothing here waits."""

    def __init__(self, child: Child, folder: Path) -> None:
        self.child = child
        self.is_ready = False
        self.started_at = 0.0
        self.restart_at: float | None = None
        self.last_lines: deque[str] = deque(maxlen=LAST_LINES)
        self.notifications = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notifications.setblocking(False)
        self._address = str(folder / f"{child.name}.sock")
        self.notifications.bind(self._address)
        self._delay = FIRST_DELAY
        self._lines = Lines()
        self._popen: subprocess.Popen[bytes] | None = None

    @property
    def is_running(self) -> bool:
        return self._popen is not None

    @property
    def output(self) -> int:
        """The descriptor of what it says, standard output and standard error together."""
        if self._popen is None or self._popen.stdout is None:
            raise ValueError(f"{self.child.name} is not running")
        return self._popen.stdout.fileno()

    def start(self) -> None:
        """Start it in a session of its own, so that the terminal's Ctrl-C reaches only the supervisor.

        Raises OSError if the program cannot be run.
        """
        env = dict(self.child.env)
        env.pop("NOTIFY_SOCKET", None)
        if self.child.is_ready is None and not self.child.runs_once:
            env["NOTIFY_SOCKET"] = self._address
        self.restart_at = None
        self.started_at = time.monotonic()
        self._popen = subprocess.Popen(  # noqa: S603 - our own commands, no shell
            self.child.argv,
            env=env,
            cwd=self.child.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_dying_with(os.getpid()),  # noqa: PLW1509 - it makes two system calls and takes no lock
        )
        os.set_blocking(self.output, False)

    def read(self) -> list[str] | None:
        """The lines said since the last call, or None once it has closed its output."""
        try:
            data = os.read(self.output, PIPE_BYTES)
        except BlockingIOError:
            return []
        if not data:
            return None
        return self._noted(self._lines.feed(data))

    def is_notified(self) -> bool:
        """Whether the datagram that waits on the notification socket says that it is ready."""
        try:
            return b"READY=1" in self.notifications.recv(4096).split(b"\n")
        except BlockingIOError:
            return False

    def exit_code(self) -> int | None:
        """None while it runs; else its exit code, or minus the signal that killed it."""
        return self._popen.poll() if self._popen else None

    def forget(self) -> list[str]:
        """Clear up after its death, what it started included. Returns its last unfinished line."""
        self._signal_group()
        if self._popen and self._popen.stdout:
            self._popen.stdout.close()
        self._popen = None
        return self._noted(self._lines.end())

    def restart_later(self) -> float:
        """Choose the moment of the next start. Returns the seconds until then."""
        now = time.monotonic()
        if now - self.started_at >= ALIVE_ENOUGH_SECONDS:
            self._delay = FIRST_DELAY
        delay, self._delay = self._delay, min(self._delay * 2, LONGEST_DELAY)
        self.restart_at = now + delay
        return delay

    def terminate(self) -> None:
        if self._popen:
            self._popen.terminate()

    def kill(self) -> None:
        """End it and everything that it started at once."""
        self._signal_group()
        if self._popen:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._popen.wait(KILLED_SECONDS)

    def _noted(self, lines: list[str]) -> list[str]:
        self.last_lines.extend(filter(str.strip, lines))
        return lines

    def _signal_group(self) -> None:
        if self._popen:
            # Nobody may be left in it; macOS answers EPERM when only zombies are.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._popen.pid, signal.SIGKILL)


def _dying_with(supervisor: int) -> Callable[[], None] | None:
    """What a child does before it becomes its program, so that it does not outlive a supervisor killed by SIGKILL."""
    if _LIBC is None:
        return None
    prctl = _LIBC.prctl

    def die_with_supervisor() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != supervisor:  # it died before the call above, which therefore will never fire
            os._exit(1)

    return die_with_supervisor


def ending(exit_code: int) -> str:
    """An exit code as `subprocess` gives it, in words."""
    if exit_code >= 0:
        return f"ended with exit code {exit_code}"
    try:
        return f"was ended by {signal.Signals(-exit_code).name}"
    except ValueError:
        return f"was ended by signal {-exit_code}"
