"""A relay that is killed at each of its steps: the next one goes on, and the stream is the log."""

import signal
import subprocess
import sys

import pytest

from hardware_orders.database import Database
from hardware_orders.delivery import numbering
from hardware_orders.delivery.stream import Entries, Stream
from hardware_orders.verification import entries
from tests.backends import valkey
from tests.database.test_numbering import add_events, positions
from tests.faults import relay_killed
from tests.faults.follower import Follower
from tests.system import eventually

# What each step leaves behind of 40 new events: how many are numbered, and how many are in the stream.
LEFT = {
    relay_killed.BEFORE_COMMIT: (0, 0),
    relay_killed.AFTER_COMMIT: (40, 0),
    relay_killed.WITHIN_MULTI: (40, 0),
    relay_killed.AFTER_EXEC: (40, 40),
}


@pytest.mark.parametrize("step", relay_killed.STEPS)
def test_a_relay_that_is_killed_at_a_step_leaves_nothing_half_done(
    database: Database, database_url: str, step: str
) -> None:
    with valkey() as events_url, Follower(events_url) as follower:
        stream = Entries(events_url)
        add_events(database, 7)
        Stream(events_url, 100_000).publish(database, numbering.number(database))
        add_events(database, 40)
        command = [sys.executable, "-m", "tests.faults.relay_killed", step, database_url, events_url]
        assert subprocess.run(command, timeout=60, check=False).returncode == -signal.SIGKILL
        numbered = [position for _, position in positions(database) if position is not None]
        assert (len(numbered) - 7, stream.ends()[1] - 7) == LEFT[step]

        add_events(database, 3)
        relay = Stream(events_url, 100_000)
        while relay.publish(database, numbering.number(database)):
            pass
        assert [position for _, position in positions(database)] == list(range(1, 51))
        told = [position for part in stream.parts() for position, _ in part]
        assert told == list(range(1, 51))
        assert list(entries.ends(*stream.ends(), kept=1, last=50)) == []
        eventually(lambda: len(follower.positions) >= 50)
        assert follower.positions == told
        stream.close()
