"""Workers and relays that are killed and paused, under load."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults import processes
from tests.faults.rig import Rig

KILLS = 5


def test_workers_that_are_killed_leave_nothing_half_done(best_rig: Rig) -> None:
    supervisor = best_rig.system.process.pid
    with best_rig.loaded("worker and its child killed in turn, 5 times"):
        for number in range(KILLS):
            best_rig.wait_for_a_settlement()  # so that it is killed at its work, and not at its start
            found = processes.grandchild if number % 2 else processes.child
            processes.kill(found(supervisor, "worker"))


def test_relays_that_are_killed_and_paused_tell_every_event_once(best_rig: Rig, folder: Path) -> None:
    supervisor = best_rig.system.process.pid
    with second_relay(best_rig, folder) as second, best_rig.loaded("one relay killed 5 times, another paused 3 s"):
        for _ in range(3):
            time.sleep(0.3)
            processes.kill(processes.child(supervisor, "relay"))
        with processes.paused(second):
            for _ in range(KILLS - 3):
                processes.kill(processes.child(supervisor, "relay"))
                time.sleep(1.5)


@contextmanager
def second_relay(rig: Rig, folder: Path) -> Iterator[int]:
    """Its pid."""
    with (folder / "relay.log").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "hardware_orders", "relay"],
            env=dict(rig.system.environment),
            cwd=folder,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()
