"""Servers that are killed, stalled, emptied and full, under load."""

import time

from tests.faults import processes
from tests.faults.load import asynchronous
from tests.faults.rig import Rig, p99

STALL_SECONDS = 20
# What callers are promised while the broker does not answer: nobody waits for it (docs/adr/0003).
STALLED_P99_SECONDS = 1.5
# Eight times what the baseline of the benchmark settles on a machine of two cores, for three of the five seconds.
ARRIVAL_RATE = 2_800
ARRIVALS = 8_400


def test_servers_that_are_killed_come_back_empty_and_nothing_is_missing(rig: Rig) -> None:
    with rig.loaded("killed, 3 s"):
        time.sleep(1.5)
        for server in rig.servers:
            server.kill()
        rig.wait_for_the_broker_to_be_missed()
        time.sleep(3)
        for server in rig.servers:
            server.start()


def test_many_orders_arrive_while_the_broker_is_dead(best_rig: Rig) -> None:
    orders = asynchronous(best_rig.seed, ARRIVALS)
    with best_rig.loaded(f"killed, 5 s, {ARRIVALS:,} orders at {ARRIVAL_RATE:,} a second", orders, rate=ARRIVAL_RATE):
        time.sleep(0.5)
        for server in best_rig.servers:
            server.kill()
        best_rig.wait_for_the_broker_to_be_missed()
        time.sleep(5)
        for server in best_rig.servers:
            server.start()


def test_nobody_waits_for_a_broker_that_is_stalled(best_rig: Rig) -> None:
    """The broker all the time, the events' server in the second half: one stops the bells, the other the replies."""
    assert best_rig.broker
    assert best_rig.events
    with best_rig.loaded("stalled, 20 s") as load:
        time.sleep(1)
        stalled_at = time.monotonic()
        best_rig.broker.stall()
        best_rig.wait_for_the_broker_to_be_missed()
        time.sleep(STALL_SECONDS / 2)
        best_rig.events.stall()
        time.sleep(STALL_SECONDS / 2)
        for server in best_rig.servers:
            server.resume()
        resumed_at = time.monotonic()
    meanwhile = [request for request in load.journal if stalled_at <= request.sent_at < resumed_at]
    assert meanwhile
    assert p99(meanwhile) < STALLED_P99_SECONDS


def test_servers_that_are_emptied_are_filled_again(rig: Rig) -> None:
    supervisor = rig.system.process.pid
    with rig.loaded("emptied with bells in the queue, 5 times"):
        for _ in range(5):
            time.sleep(0.3)
            with processes.paused(processes.child(supervisor, "worker")):
                time.sleep(0.3)
                for server in rig.servers:
                    server.flush()


def test_servers_that_are_full_refuse_messages_and_cost_no_order(best_rig: Rig) -> None:
    with best_rig.loaded("full, 8 s"):
        time.sleep(1)
        for server in best_rig.servers:
            server.refuse_writes(refuse=True)
        best_rig.wait_for_the_broker_to_be_missed()
        time.sleep(8)
        for server in best_rig.servers:
            server.refuse_writes(refuse=False)


def test_the_embedded_default_survives_what_becomes_of_its_parts(embedded: Rig) -> None:
    supervisor = embedded.system.process.pid
    with embedded.loaded("Valkey killed twice, emptied, stalled 3 s; worker and its child killed"):
        for _ in range(2):
            time.sleep(1)
            processes.kill(processes.child(supervisor, "valkey"))
        embedded.wait_for_a_settlement()
        embedded.system.events.flushall()
        time.sleep(0.5)
        with processes.paused(processes.child(supervisor, "valkey")):
            time.sleep(3)
        for find in (processes.grandchild, processes.child):
            embedded.wait_for_a_settlement()
            processes.kill(find(supervisor, "worker"))
