"""The processes of a running system, found by what they run, so that one of them can be killed or paused alone."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.system import eventually

PROC = Path("/proc")


def absence() -> str | None:
    """Why processes cannot be found here; None when they can."""
    return None if (PROC / "self" / "stat").exists() else "no /proc to find the system's processes in"


def child(supervisor: int, name: str) -> int:
    """The pid of the supervisor's child that runs `hardware-orders <name>`, once there is one."""
    return eventually(lambda: next((pid for pid in _children(supervisor) if _runs(pid, name)), 0))


def grandchild(supervisor: int, name: str) -> int:
    """The pid of a process that this child started, once there is one."""
    return eventually(lambda: next(iter(_children(child(supervisor, name))), 0))


def kill(pid: int) -> None:
    """SIGKILL, and wait until it is gone."""
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: _stat(pid)[:1] in ([], ["Z"]))


def _children(parent: int) -> list[int]:
    pids = [int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit()]
    return [pid for pid in pids if _stat(pid)[1:2] == [str(parent)] and _stat(pid)[0] != "Z"]


def _stat(pid: int) -> list[str]:
    """State, parent and so on (proc(5)); nothing of a process that has gone."""
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _runs(pid: int, name: str) -> bool:
    try:
        words = (PROC / str(pid) / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    program, last = words[0].decode(), words[-2:-1]
    return last == [name.encode()] or Path(program).name.startswith(name)


@contextmanager
def paused(pid: int) -> Iterator[None]:
    """SIGSTOP for as long as the block lasts."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
