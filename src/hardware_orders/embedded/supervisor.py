"""Starts processes stage by stage, starts anew what dies, stops all in order. Idle, it sleeps in the kernel."""

import contextlib
import math
import os
import selectors
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from types import FrameType

from hardware_orders.embedded.child import Child, Process, ending
from hardware_orders.embedded.progress import Progress

PING_SECONDS = 0.02  # between two questions to a child that cannot say by itself that it is ready
KILLED_BY_CTRL_C = 128 + signal.SIGINT  # a shell's convention

_WAKING = (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class StartFailedError(Exception):
    """A child died, or said nothing, before it was ready."""

    def __init__(self, process: Process, reason: str) -> None:
        super().__init__(f"{process.child.name} {reason}")
        self.lines = list(process.last_lines)


class Supervisor:
    """Runs stages of children in the process's main thread; `folder` takes their notification sockets."""

    def __init__(self, folder: Path, progress: Progress) -> None:
        self.is_stopping = False
        self._folder = folder
        self._progress = progress
        self._stages: list[list[Process]] = []
        self._is_interrupted = False
        self._is_hurried = False
        self._selector = selectors.DefaultSelector()
        self._woken, self._wakeup = os.pipe()

    def run(self, stages: Sequence[Sequence[Child]], when_ready: Callable[[], None]) -> int:
        """Start stage after stage, call `when_ready`, then keep all alive until SIGTERM, SIGINT, SIGHUP or `stop()`.

        Returns the exit code: 0 after an ordered stop, 1 if a child could not be started, 130 after a second Ctrl-C.
        """
        exit_code = 0
        with self._listening():
            try:
                for stage in stages:
                    self._start(stage)
                if not self.is_stopping:
                    when_ready()
                while not self.is_stopping:
                    self._turn()
                self._progress.say(
                    f"\nStopping.{' A second Ctrl-C kills what is left.' if self._is_interrupted else ''}"
                )
            except StartFailedError as error:
                self._progress.failed(f"{error}. Its last lines:" if error.lines else f"{error}.", error.lines)
                exit_code = 1
            finally:
                self._stop_all()
        self._close()
        return KILLED_BY_CTRL_C if self._is_hurried else exit_code

    def stop(self) -> None:
        """Ask for the ordered stop; may be called from any thread."""
        if not self.is_stopping:
            os.write(self._wakeup, bytes([signal.SIGTERM]))

    def last_lines(self) -> dict[str, list[str]]:
        """By the child's name, what it last said; may be called from any thread."""
        return {process.child.name: list(process.last_lines) for process in self._processes if process.last_lines}

    @property
    def _processes(self) -> list[Process]:
        return [process for stage in self._stages for process in stage]

    def _start(self, stage: Sequence[Child]) -> None:
        processes = [Process(child, self._folder) for child in stage]
        self._stages.append(processes)
        for process in processes:
            if not self.is_stopping:
                self._selector.register(process.notifications, selectors.EVENT_READ, partial(self._notified, process))
                self._launch(process)
        while not self.is_stopping and (waiting := [process for process in processes if not process.is_ready]):
            self._turn(min(self._next_question(process) for process in waiting))

    def _next_question(self, process: Process) -> float:
        """Ask a child that is not ready yet how it is; returns when to look again, on the monotonic clock."""
        if process.child.runs_once:
            return math.inf
        if process.child.is_ready and process.child.is_ready():
            self._mark_ready(process)
        end = process.started_at + process.child.ready_seconds
        now = time.monotonic()
        if not process.is_ready and now >= end:
            raise StartFailedError(process, f"was not ready after {process.child.ready_seconds:g} s")
        return min(end, now + PING_SECONDS) if process.child.is_ready else end

    def _launch(self, process: Process) -> None:
        try:
            process.start()
        except OSError as error:
            raise StartFailedError(process, f"cannot be run: {error}") from None
        self._selector.register(process.output, selectors.EVENT_READ, partial(self._read, process))

    def _turn(self, until: float = math.inf) -> None:
        """Sleep until something happens, at most to `until` on the monotonic clock, and see to it."""
        restarts = (process.restart_at for process in self._processes if process.restart_at is not None)
        nearest = min(until, *restarts, math.inf)
        for key, _ in self._selector.select(None if nearest == math.inf else max(0.0, nearest - time.monotonic())):
            key.data()
        for process in self._processes:
            exit_code = process.exit_code()
            if exit_code is not None:
                self._ended(process, exit_code)
            elif process.restart_at is not None and process.restart_at <= time.monotonic() and not self.is_stopping:
                self._launch(process)

    def _notified(self, process: Process) -> None:
        if process.is_notified() and not process.is_ready:
            self._mark_ready(process)

    def _mark_ready(self, process: Process) -> None:
        process.is_ready = True
        self._progress.ready(process.child.name, time.monotonic() - process.started_at)

    def _read(self, process: Process) -> None:
        lines = process.read()
        if lines is None:
            self._selector.unregister(process.output)
        else:
            self._echo(process, lines)

    def _echo(self, process: Process, lines: list[str]) -> None:
        if process.child.is_echoed:
            for line in lines:
                self._progress.said(process.child.name, line)

    def _ended(self, process: Process, exit_code: int) -> None:
        self._echo(process, process.read() or [])  # one call empties a pipe
        if process.output in self._selector.get_map():
            self._selector.unregister(process.output)
        self._echo(process, process.forget())
        name = process.child.name
        if self.is_stopping:
            # One that was still starting had not come to handle signals.
            if exit_code and process.is_ready and not self._is_hurried:
                self._progress.warned(f"{name} {ending(exit_code)} when it was stopped.")
        elif process.child.runs_once and exit_code == 0:
            self._mark_ready(process)
        elif not process.is_ready:
            raise StartFailedError(process, f"{ending(exit_code)} before it was ready")
        else:
            alive = time.monotonic() - process.started_at
            delay = process.restart_later()
            self._progress.warned(f"{name} {ending(exit_code)} after {alive:.1f} s; it starts again in {delay:g} s.")

    def _stop_all(self) -> None:
        """The last stage first; within a stage as listed."""
        self.is_stopping = True
        for process in self._processes:
            process.restart_at = None
        for stage in reversed(self._stages):
            for process in stage:
                self._end(process)

    def _close(self) -> None:
        for process in self._processes:
            process.notifications.close()
        self._selector.close()
        os.close(self._woken)
        os.close(self._wakeup)

    def _end(self, process: Process) -> None:
        process.terminate()
        end = time.monotonic() + process.child.stop_seconds
        while process.is_running and not self._is_hurried and time.monotonic() < end:
            self._turn(end)
        if process.is_running:
            if not self._is_hurried:
                self._progress.warned(f"{process.child.name} did not stop within {process.child.stop_seconds:g} s.")
            process.kill()
            self._turn(time.monotonic())

    @contextlib.contextmanager
    def _listening(self) -> Iterator[None]:
        """Let signals wake the loop, by the descriptor that Python writes their numbers to."""
        os.set_blocking(self._wakeup, False)
        self._selector.register(self._woken, selectors.EVENT_READ, self._signalled)
        before = {number: signal.getsignal(number) for number in _WAKING}
        for number in _WAKING:
            if number != signal.SIGHUP or before[number] != signal.SIG_IGN:  # under nohup it stays ignored
                signal.signal(number, _wake)
        old = signal.set_wakeup_fd(self._wakeup, warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(old)
            for number, handler in before.items():
                signal.signal(number, handler)

    def _signalled(self) -> None:
        for number in os.read(self._woken, 4096):
            if number == signal.SIGINT:
                self._is_hurried = self.is_stopping
                self._is_interrupted = True
            if number != signal.SIGCHLD:
                self.is_stopping = True


def _wake(_number: int, _frame: FrameType | None) -> None:
    """A handler must exist for Python to write the signal to the wakeup descriptor; the loop does the rest."""
