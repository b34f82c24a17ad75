"""A Redis or Valkey of a test's own, to be broken at will. Nothing is kept: after a kill it comes back empty."""

import signal
import subprocess
from pathlib import Path
from typing import Any

import redis

from hardware_orders.embedded import valkey
from tests.system import eventually, free_port

# Long enough for a machine that is busy with the load itself.
ANSWER_SECONDS = 5


def absence() -> str | None:
    """Why there is no server to break; None when there is one."""
    return None if valkey._program() else "no Valkey and no Redis server to start"


class Server:
    """One server process on a port of its own; the port stays the same over all restarts."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.client = redis.Redis(port=self._port, socket_timeout=ANSWER_SECONDS, decode_responses=True)

    def url(self, database: int) -> str:
        return f"redis://127.0.0.1:{self._port}/{database}"

    def start(self) -> None:
        options = {"--port": str(self._port), "--bind": "127.0.0.1", "--save": "", "--appendonly": "no"}
        argv = [valkey._program() or "", *(word for option in options.items() for word in option)]
        self._process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, cwd=self._folder)
        eventually(self._is_answering)

    def kill(self) -> None:
        """SIGKILL; what it held is gone."""
        if self._process:
            self._process.kill()
            self._process.wait()

    def stall(self) -> None:
        """SIGSTOP: connections are taken by the kernel, and nobody answers."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def flush(self) -> None:
        self.client.flushall()

    def refuse_writes(self, *, refuse: bool) -> None:
        """Full memory, as far as it knows: whatever would add to it is answered with an error."""
        settings: dict[Any, Any] = {"maxmemory-policy": "noeviction", "maxmemory": "1" if refuse else "0"}
        for name, value in settings.items():
            self.client.config_set(name, value)

    def end(self) -> None:
        self.kill()
        self.client.close()

    def _signal(self, number: signal.Signals) -> None:
        if self._process:
            self._process.send_signal(number)

    def _is_answering(self) -> bool:
        try:
            return bool(self.client.ping())
        except redis.RedisError:
            return False
