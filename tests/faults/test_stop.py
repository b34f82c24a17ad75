"""A stop some time after an outage is as orderly as any other."""

import signal
import time

from tests.faults import processes
from tests.faults.rig import Rig
from tests.system import eventually, order, stop


def test_a_worker_that_lost_its_broker_with_a_bell_in_hand_stops_by_itself(embedded: Rig) -> None:
    """Celery forgets the bell that its child has not begun with; the child must not wait to be told that it is done."""
    system = embedded.system
    supervisor = system.process.pid
    with processes.paused(processes.grandchild(supervisor, "worker")):
        with system.client() as client:
            assert client.post("/orders/hardware", json=order(), headers={"Prefer": "respond-async"}).is_success
        time.sleep(0.5)  # the worker has handed the bell to its child
        processes.kill(processes.child(supervisor, "valkey"))
        eventually(lambda: "onnection to broker lost" in system.log.read_text())
        time.sleep(0.5)  # it forgets what the child had not begun with
    embedded.wait_for_a_settlement()
    system.process.send_signal(signal.SIGTERM)
    assert stop(system.process) == 0
    assert "did not stop" not in system.log.read_text()


def test_readers_of_the_events_are_let_go_before_the_server_waits_for_them(embedded: Rig) -> None:
    """A stream that the server had to break off would end in the middle, which the client here raises."""
    system = embedded.system
    with (
        system.client() as client,
        client.stream("GET", "/events", headers={"Accept": "text/event-stream"}) as live,
    ):
        lines = live.iter_lines()
        assert next(lines).startswith("retry")
        system.process.send_signal(signal.SIGTERM)
        assert all(line.startswith((":", "id:")) or not line for line in lines)
    assert stop(system.process) == 0
    assert "did not stop" not in system.log.read_text()
