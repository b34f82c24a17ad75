"""The bell: who is rung for, how many times, and what becomes of it while the broker is away."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import pytest

from hardware_orders.broker import Ringer
from hardware_orders.intake import bell as bell_module
from hardware_orders.intake.bell import LINES_BESIDE, LINES_MOST, REMEMBERED_ORDERS, RING_MOST_ORDERS, Bell
from hardware_orders.intake.single_orders import SingleOrders

PATIENCE_SECONDS = 20  # how long a test waits for what must happen; never a measure of speed
CHANNEL = "replies:1"


class Ring(NamedTuple):
    """One message as it would have gone to the broker."""

    order_ids: tuple[str, ...]
    reply_to: str | None
    traceparent: str | None = None


class RecordingRinger(Ringer):
    """In place of the broker: records rings; is away, or holds a ring up, when told to."""

    def __init__(self) -> None:
        self.rings: list[Ring] = []
        self.tries = 0
        self.is_away = False
        self.is_closed = False
        self.may_ring = threading.Event()
        self.may_ring.set()
        self.is_held_up = threading.Event()
        self.changed = threading.Condition()

    def ring(
        self,
        order_ids: Sequence[str],
        *,
        reply_to: str | None = None,
        swept: bool = False,
        traceparent: str | None = None,
    ) -> None:
        assert not swept
        assert 0 < len(order_ids) <= RING_MOST_ORDERS
        if not self.may_ring.is_set():
            self.is_held_up.set()
            assert self.may_ring.wait(PATIENCE_SECONDS)
        with self.changed:
            self.tries += 1
            if not self.is_away:
                self.rings.append(Ring(tuple(order_ids), reply_to, traceparent))
            self.changed.notify_all()
        if self.is_away:
            raise ConnectionError("away")

    def close(self) -> None:
        with self.changed:
            self.is_closed = True
            self.changed.notify_all()

    def rung(self) -> list[str]:
        return [order_id for ring in self.rings for order_id in ring.order_ids]

    def wait_for(self, predicate: Callable[[], bool]) -> None:
        with self.changed:
            assert self.changed.wait_for(predicate, PATIENCE_SECONDS)


@pytest.fixture
def ringer() -> RecordingRinger:
    return RecordingRinger()


@contextmanager
def ringing(
    ringer: RecordingRinger, on_away: Callable[[], None] = lambda: None, single_orders: SingleOrders | None = None
) -> Iterator[Bell]:
    bell = Bell(ringer, reply_to=CHANNEL, on_away=on_away, single_orders=single_orders)
    bell.start()
    try:
        yield bell
    finally:
        ringer.may_ring.set()
        bell.stop()
        assert ringer.is_closed


@pytest.fixture
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bell_module, "RETRY_SECONDS", 0.01)


def test_the_first_order_rings_alone_and_those_that_follow_meanwhile_ring_together(ringer: RecordingRinger) -> None:
    with ringing(ringer) as bell:
        ringer.may_ring.clear()
        bell.ring(["first"])
        assert ringer.is_held_up.wait(PATIENCE_SECONDS)
        for number in range(100):
            bell.ring([f"{number}"])
        ringer.may_ring.set()
        ringer.wait_for(lambda: len(ringer.rings) == 2)
    assert ringer.rings == [Ring(("first",), CHANNEL), Ring(tuple(map(str, range(100))), CHANNEL)]


def test_a_ring_names_the_trace_of_an_order_of_its_own_also_after_an_outage(
    ringer: RecordingRinger,
) -> None:
    ringer.is_away = True
    with ringing(ringer) as bell:
        bell.ring(["plain", "more"])
        bell.ring(["first"], "00-first")
        ringer.wait_for(lambda: ringer.tries > 0)
        ringer.is_away = False
        ringer.wait_for(lambda: sorted(ringer.rung()) == ["first", "more", "plain"])
    for ring in ringer.rings:
        assert ring.traceparent == ("00-first" if "first" in ring.order_ids else None)


def test_the_next_ring_is_held_until_the_last_was_answered(
    ringer: RecordingRinger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bell_module, "RING_HELD_SECONDS", PATIENCE_SECONDS)
    with ringing(ringer) as bell:
        bell.ring(["first"])
        ringer.wait_for(lambda: len(ringer.rings) == 1)
        for number in range(50):
            bell.ring([f"{number}"])
        assert len(ringer.rings) == 1
        bell.answered(["first"])
        ringer.wait_for(lambda: len(ringer.rings) == 2)
    assert ringer.rings[1].order_ids == tuple(map(str, range(50)))


def test_a_worker_that_never_answers_holds_the_next_ring_only_so_long(ringer: RecordingRinger) -> None:
    with ringing(ringer) as bell:
        bell.ring(["first"])
        ringer.wait_for(lambda: len(ringer.rings) == 1)
        bell.ring(["second"])
        ringer.wait_for(lambda: len(ringer.rings) == 2)


def test_one_order_rung_for_twice_is_named_once(ringer: RecordingRinger) -> None:
    with ringing(ringer) as bell:
        ringer.may_ring.clear()
        bell.ring(["first"])
        assert ringer.is_held_up.wait(PATIENCE_SECONDS)
        bell.ring(["a"])
        bell.ring(["a"])
        ringer.may_ring.set()
        ringer.wait_for(lambda: len(ringer.rings) == 2)
    assert ringer.rings[1] == Ring(("a",), CHANNEL)


def test_many_orders_are_several_messages(ringer: RecordingRinger) -> None:
    order_ids = [f"{number}" for number in range(2 * RING_MOST_ORDERS + 1)]
    with ringing(ringer) as bell:
        bell.ring(order_ids)
        ringer.wait_for(lambda: len(ringer.rung()) == len(order_ids))
    assert ringer.rung() == order_ids
    assert [len(ring.order_ids) for ring in ringer.rings] == [RING_MOST_ORDERS, RING_MOST_ORDERS, 1]


@pytest.mark.usefixtures("quick_retries")
def test_no_ring_is_lost_while_the_broker_is_away_and_comes_back(ringer: RecordingRinger) -> None:
    told = threading.Event()
    with ringing(ringer, told.set) as bell:
        assert bell.is_open
        ringer.is_away = True
        for number in range(RING_MOST_ORDERS + 50):
            bell.ring([f"{number}"])
        ringer.wait_for(lambda: ringer.tries >= 3)
        assert told.is_set()
        assert not bell.is_open
        ringer.is_away = False
        ringer.wait_for(lambda: len(ringer.rung()) >= RING_MOST_ORDERS + 50)
        bell.ring(["last"])
        ringer.wait_for(lambda: "last" in ringer.rung())
        assert bell.is_open
    assert sorted(ringer.rung()) == sorted([*map(str, range(RING_MOST_ORDERS + 50)), "last"])


@pytest.mark.usefixtures("quick_retries")
def test_everybody_who_waits_is_told_each_time_the_broker_is_found_away(ringer: RecordingRinger) -> None:
    told: list[str] = []
    with ringing(ringer, lambda: told.append(threading.current_thread().name)) as bell:
        ringer.is_away = True
        bell.ring(["a"])
        ringer.wait_for(lambda: ringer.tries >= 3)
    assert set(told) == {"bell"}
    assert len(told) == ringer.tries


def test_memory_is_bounded_while_the_broker_is_away(ringer: RecordingRinger) -> None:
    away = threading.Event()
    with ringing(ringer, away.set) as bell:
        ringer.is_away = True
        bell.ring(["first"])
        assert away.wait(PATIENCE_SECONDS)
        for start in range(0, 3 * REMEMBERED_ORDERS, 1_000):
            bell.ring(f"{number}" for number in range(start, start + 1_000))
        assert len(bell._waiting) <= REMEMBERED_ORDERS
        ringer.is_away = False
    assert len(ringer.rung()) == len(set(ringer.rung())) == REMEMBERED_ORDERS


def test_stopping_rings_for_what_is_left(ringer: RecordingRinger) -> None:
    bell = Bell(ringer, reply_to=CHANNEL, on_away=lambda: None)
    order_ids = [f"{number}" for number in range(3 * RING_MOST_ORDERS)]
    bell.ring(order_ids)
    bell.start()
    bell.stop()
    assert ringer.rung() == order_ids
    assert ringer.is_closed


def test_stopping_while_the_broker_is_away_tries_once_and_ends(
    ringer: RecordingRinger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bell_module, "RETRY_SECONDS", PATIENCE_SECONDS)
    away = threading.Event()
    bell = Bell(ringer, reply_to=CHANNEL, on_away=away.set)
    ringer.is_away = True
    bell.start()
    bell.ring(["a"])
    assert away.wait(PATIENCE_SECONDS)
    bell.stop()
    assert ringer.is_closed
    assert ringer.tries == 2


def test_stopping_an_idle_bell_rings_for_nothing(ringer: RecordingRinger) -> None:
    with ringing(ringer):
        pass
    assert ringer.rings == []


def test_nothing_to_ring_for_is_no_ring(ringer: RecordingRinger) -> None:
    with ringing(ringer) as bell:
        bell.ring([])
        bell.ring(["a"])
    assert ringer.rings == [Ring(("a",), CHANNEL)]


def test_rings_of_many_threads_all_arrive(ringer: RecordingRinger) -> None:
    with ringing(ringer) as bell:

        def ring_often(part: int) -> None:
            for number in range(200):
                bell.ring([f"{part}-{number}"])

        threads = [threading.Thread(target=ring_often, args=(part,)) for part in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(ringer.rung()) == sorted(f"{part}-{n}" for part in range(8) for n in range(200))


def test_orders_of_batches_ring_one_message_at_a_time(ringer: RecordingRinger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bell_module, "LINES_HELD_SECONDS", PATIENCE_SECONDS)
    order_ids = [f"{number}" for number in range(2 * LINES_MOST)]
    with ringing(ringer) as bell:
        bell.ring_lines(order_ids)
        ringer.wait_for(lambda: len(ringer.rings) == 1)
        bell.answered(["of somebody else"])
        bell.ring(["single"])
        ringer.wait_for(lambda: len(ringer.rings) == 2)
        assert ringer.rung() == [*order_ids[:LINES_MOST], "single"]
        bell.answered(ringer.rings[0].order_ids)
        ringer.wait_for(lambda: len(ringer.rings) == 3)
    assert ringer.rung() == [*order_ids[:LINES_MOST], "single", *order_ids[LINES_MOST:]]


def test_while_single_orders_come_those_of_batches_ring_in_small_messages(ringer: RecordingRinger) -> None:
    single_orders = SingleOrders()
    single_orders.came()
    order_ids = [f"{number}" for number in range(LINES_MOST)]
    with ringing(ringer, single_orders=single_orders) as bell:
        bell.ring_lines(order_ids)
        ringer.wait_for(lambda: len(ringer.rings) == 1)
        assert len(ringer.rings[0].order_ids) == LINES_BESIDE
    assert ringer.rung() == order_ids  # also without any answer, and to the end


def test_a_worker_that_is_away_does_not_hold_orders_of_batches_for_ever(ringer: RecordingRinger) -> None:
    with ringing(ringer) as bell:
        bell.ring_lines(f"{number}" for number in range(2 * LINES_MOST))
        ringer.wait_for(lambda: len(ringer.rings) == 2)
