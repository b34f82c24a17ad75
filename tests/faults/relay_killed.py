"""`python -m tests.faults.relay_killed STEP DATABASE EVENTS`: a relay that is killed by SIGKILL at one of its steps."""

import os
import signal
import sys
from typing import Any, NoReturn

from redis.client import Pipeline
from redis.connection import AbstractConnection
from sqlalchemy import Engine, event

from hardware_orders.delivery.stream import Stream
from hardware_orders.relay import Relay
from hardware_orders.settings import Settings

BEFORE_COMMIT, AFTER_COMMIT, WITHIN_MULTI, AFTER_EXEC = STEPS = (
    "before numbering commits",
    "after numbering has committed",
    "within MULTI",
    "after EXEC",
)


def die(*_: Any) -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise SystemExit


def arm(step: str) -> None:
    match step:
        case "before numbering commits":
            # Numbering's is the first transaction of a relay that writes.
            event.listen(Engine, "commit", die)
        case "after numbering has committed":
            Stream.publish = die  # type: ignore[method-assign,assignment]
        case "within MULTI":
            send = AbstractConnection.send_packed_command

            def send_half(self: Any, command: Any, check_health: bool = True) -> None:  # noqa: FBT001, FBT002  # as redis has it
                whole = b"".join([command] if isinstance(command, bytes) else command)
                if b"MULTI" not in whole:
                    send(self, command, check_health)  # type: ignore[no-untyped-call]
                    return
                self._sock.sendall(whole[: len(whole) // 2])
                die()

            AbstractConnection.send_packed_command = send_half  # type: ignore[method-assign]
        case "after EXEC":
            execute = Pipeline.execute

            def execute_and_die(self: Any, *arguments: Any) -> NoReturn:
                execute(self, *arguments)
                die()

            Pipeline.execute = execute_and_die  # type: ignore[method-assign,assignment]


if __name__ == "__main__":
    arm(sys.argv[1])
    Relay(
        Settings(database_url=sys.argv[2], events_url=sys.argv[3], broker_url="redis://127.0.0.1:1", _env_file=None)
    ).run()
