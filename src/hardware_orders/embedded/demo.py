"""`hardware-orders demo`: the whole system in a temporary folder, sample orders over HTTP, and what became of them."""

import os
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from hardware_orders import samples
from hardware_orders.client import Client, tables
from hardware_orders.embedded import demo_orders, demo_tables
from hardware_orders.embedded.demo_orders import DemoFailedError, Outcome
from hardware_orders.embedded.progress import Progress
from hardware_orders.embedded.supervisor import Supervisor
from hardware_orders.embedded.system import System, prepared
from hardware_orders.embedded.up import address, invitation, token, warn_of_fake_redis
from hardware_orders.errors import WrongSettingError
from hardware_orders.settings import PREFIX, Settings

THREAD_END_SECONDS = 2.0  # its requests fail at once when the API has gone


class Demo:
    """One run. The supervisor needs the main thread for its signals, so the orders are sent from a second one."""

    def __init__(self, settings: Settings, system: System, progress: Progress, *, keep: bool) -> None:
        self.outcomes: list[Outcome] = []
        self.failure: str | None = None
        self._last_lines: dict[str, list[str]] = {}
        self._settings = settings
        self._system = system
        self._progress = progress
        self._keep = keep
        self._supervisor = Supervisor(system.sockets, progress)
        self._thread = threading.Thread(target=self._send, name="orders", daemon=True)

    def run(self) -> int:
        """Returns the exit code: 0 when every sample was sent, shown, and everything stopped in order."""
        exit_code = self._supervisor.run(self._system.stages, self._thread.start)
        if self._thread.ident:
            self._thread.join(THREAD_END_SECONDS)
        if self.failure:
            self._progress.failed(f"The demo failed: {self.failure}")
            for name, lines in self._last_lines.items():
                self._progress.failed(f"The last lines of {name}:", lines)
            return 1
        return exit_code if exit_code or self.outcomes else 1

    def _send(self) -> None:
        try:
            with Client(address(self._settings), token(self._system.env)) as client:
                outcomes = demo_orders.send(client, samples.orders())
            if not any(outcome.order for outcome in outcomes):
                raise DemoFailedError(f"every order was refused, the first with: {outcomes[0].refusal}")  # noqa: TRY301
            demo_tables.show(outcomes, tables.console())
            self.outcomes = outcomes
            if self._keep:
                self._progress.say(f"\nIt goes on running: {address(self._settings)}\n")
                self._progress.say(invitation(self._settings, self._system))
                self._progress.say("Stop with Ctrl-C; its data goes with it.")
        except (Exception, SystemExit) as error:  # noqa: BLE001 - Rich exits when nobody reads; all else is told below
            if not self._supervisor.is_stopping:
                self.failure = _told(error)
                self._last_lines = self._supervisor.last_lines()
        if self.failure or not self._keep:
            self._supervisor.stop()


def demo(keep: bool) -> int:  # noqa: FBT001 - the command's one switch
    """Run the demo; `keep` leaves it running until Ctrl-C. Returns the exit code: 0 if all went well, else 1."""
    started_at = time.monotonic()
    progress = Progress(echoes_children=False)
    # The demo is the same everywhere: settings of this machine's own are for `up`.
    environ = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    with tempfile.TemporaryDirectory(prefix="hardware-orders-demo-") as folder:
        settings = Settings.model_construct(data_dir=Path(folder) / "data", port=_free_port())
        try:
            with prepared(settings, environ, Path(folder)) as system:
                warn_of_fake_redis(system, progress)
                run = Demo(settings, system, progress, keep=keep)
                exit_code = run.run()
        except WrongSettingError as error:
            progress.failed(str(error))
            return 1
    seconds = time.monotonic() - started_at
    if exit_code == 0:
        events = sum(len(outcome.events) for outcome in run.outcomes)
        progress.say(
            f"\nDone in {seconds:.1f} s: {len(run.outcomes)} orders sent, {events} events, all stopped in order."
        )
    return exit_code


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _told(error: BaseException) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        return f"{error} {error.stderr}"
    return str(error) if isinstance(error, DemoFailedError) else f"{type(error).__name__}: {error}"
