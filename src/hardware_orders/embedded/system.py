"""Which processes make the whole system, in which order they start, and the settings that they get."""

import contextlib
import errno
import os
import socket
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from hardware_orders import samples
from hardware_orders.delivery.webhooks import secret_keys
from hardware_orders.embedded import data_folder, valkey
from hardware_orders.embedded.child import Child
from hardware_orders.errors import WrongSettingError
from hardware_orders.settings import PREFIX, Settings, is_loopback

COMMAND = (sys.executable, "-m", "hardware_orders")

# What is under way at the stop is finished within these bounds; an order is safe in either case, and settled later.
API_STOP_SECONDS = 15.0
WORKER_STOP_SECONDS = 30.0
RELAY_STOP_SECONDS = 10.0

# Where receivers of webhooks are, while one tries them.
LOOPBACK = ("127.0.0.0/8", "::1/128")

# Below valkey.SOCKET_PATH_BYTES by enough for this folder's own name and a socket's.
TEMPORARY_FOLDER_BYTES = 64


@dataclass(frozen=True, slots=True)
class System:
    """What the supervisor runs. `env` is a child's whole environment; `sockets` a private folder for its sockets."""

    stages: list[list[Child]]
    env: dict[str, str]
    sockets: Path
    server: valkey.Server | None


@contextlib.contextmanager
def prepared(settings: Settings, environ: Mapping[str, str], folder: Path | None = None) -> Iterator[System]:
    """The system that these settings describe; embedded, its data folder is held until the context ends.

    `environ` is what the children inherit and `folder` where they run. Nothing has been started yet.
    Raises WrongSettingError if a URL or a part of the issuer is missing or wrong, or if the data folder or the port is
    in use.
    """
    _ = settings.issuer  # raises here, before a start and not in the middle of it
    env = {**environ, f"{PREFIX}HOST": settings.host, f"{PREFIX}PORT": str(settings.port)}
    with contextlib.ExitStack() as stack:
        sockets = stack.enter_context(_socket_folder())
        server = None
        if settings.is_embedded:
            data_dir = stack.enter_context(data_folder.held(settings.data_dir))
            valkey.end_leftover(data_dir)
            server = valkey.server(data_dir, sockets)
            env |= _embedded(settings, data_dir, server)
        else:
            # Each is checked by being read.
            env |= {
                f"{PREFIX}DATABASE_URL": settings.database,
                f"{PREFIX}BROKER_URL": settings.broker,
                f"{PREFIX}EVENTS_URL": settings.events,
            }
        _refuse_taken_port(settings.host, settings.port)
        yield System(_stages(env, server, folder), env, sockets, server)


def _embedded(settings: Settings, data_dir: Path, server: valkey.Server) -> dict[str, str]:
    """What stands in for servers, for a portfolio service, for an issuer of tokens and for whoever keeps keys."""
    keys_file = settings.secret_keys_path or data_dir / "secret-keys.txt"
    if settings.secret_keys is None:
        secret_keys.make(keys_file)
    values = {
        "DATA_DIR": str(data_dir),
        "DATABASE_URL": f"sqlite:///{data_dir / 'orders.db'}",
        "BROKER_URL": server.broker_url,
        "EVENTS_URL": server.events_url,
        "PORTFOLIO_URL": settings.portfolio_url or f"file:{samples.portfolios_path()}",
        "LOCAL_SIGNING_KEY": str(settings.local_signing_key or data_dir / "signing-key.json"),
        # Only its owner is at this machine; from elsewhere nobody comes in without signing in, whatever this says.
        "DASHBOARD_OPEN": str(is_loopback(settings.host)).lower(),
        "SECRET_KEYS_FILE": str(keys_file),
        "WEBHOOK_ALLOW": ",".join(map(str, settings.webhook_allow or LOOPBACK)),
        # Somebody reads along at a terminal; JSON is for machines, which set it.
        "LOG_FORMAT": settings.log_format if "log_format" in settings.model_fields_set else "console",
    }
    return {PREFIX + name: value for name, value in values.items()}


def _stages(env: dict[str, str], server: valkey.Server | None, folder: Path | None) -> list[list[Child]]:
    """In the order of the start. They stop from the last stage to the first, each stage from left to right:

    the relay outlives the two whose events it publishes.
    """

    def child(name: str, stop_seconds: float, *, runs_once: bool = False) -> Child:
        return Child(name, [*COMMAND, name], env, runs_once=runs_once, stop_seconds=stop_seconds, folder=folder)

    stages = [
        [child("migrate", RELAY_STOP_SECONDS, runs_once=True)],
        [child("api", API_STOP_SECONDS), child("worker", WORKER_STOP_SECONDS), child("relay", RELAY_STOP_SECONDS)],
    ]
    return [[server.child], *stages] if server else stages


@contextlib.contextmanager
def _socket_folder() -> Iterator[Path]:
    """A private temporary folder whose path is short enough for sockets."""
    parent = tempfile.gettempdir()
    if len(os.fsencode(parent)) > TEMPORARY_FOLDER_BYTES:
        parent = "/tmp"  # noqa: S108 - the folder made in it is private
    with tempfile.TemporaryDirectory(prefix="hardware-orders-", dir=parent) as path:
        yield Path(path)


def _refuse_taken_port(host: str, port: int) -> None:
    """Say so before anything starts, and not by a child's traceback."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        reason = "is in use by another process" if error.errno == errno.EADDRINUSE else f"cannot be had ({error})"
        raise WrongSettingError(
            f"Port {port} of {host} {reason}; set {PREFIX}PORT (and {PREFIX}HOST) to a free one."
        ) from None
