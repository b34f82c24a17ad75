"""The thread beside the worker's turn: what is run together, what is bounded, and how it ends."""

import threading
from collections.abc import Sequence

import pytest

from hardware_orders.orders import beside
from hardware_orders.orders.beside import Beside, Errand
from tests.system import eventually


class Runs:
    """What was run; while it is `held`, a run does not end."""

    def __init__(self) -> None:
        self.ran: list[list[tuple[str, ...]]] = []
        self.held = threading.Event()
        self.held.set()
        self.fails = False

    def __call__(self, errands: Sequence[Errand]) -> int:
        self.ran.append([errand.order_ids for errand in errands])
        assert self.held.wait(30)
        if self.fails:
            raise OSError
        return len(errands)


@pytest.fixture
def runs() -> Runs:
    return Runs()


def hold_the_first(runs: Runs, thread: Beside) -> None:
    runs.held.clear()
    thread.add(["first"], swept=False, reply_to=None)
    eventually(lambda: runs.ran)


def test_what_came_meanwhile_is_run_together_and_swept_bells_alone(runs: Runs) -> None:
    thread = Beside(runs)
    hold_the_first(runs, thread)
    for names, swept in (("ab", False), ("c", False), ("de", True), ("f", True), ("g", False)):
        thread.add(tuple(names), swept=swept, reply_to=None)
    runs.held.set()
    eventually(lambda: len(runs.ran) == 5)
    thread.stop()
    assert runs.ran[1:] == [[("a", "b"), ("c",)], [("d", "e")], [("f",)], [("g",)]]


def test_an_order_in_hand_is_not_taken_again_until_its_run_is_over(runs: Runs) -> None:
    thread = Beside(runs)
    hold_the_first(runs, thread)
    thread.add(["first", "a"], swept=True, reply_to=None)
    thread.add(["a"], swept=True, reply_to=None)
    runs.held.set()
    eventually(lambda: len(runs.ran) == 2)
    assert runs.ran[1:] == [[("a",)]]

    def is_taken_again() -> bool:
        thread.add(["first"], swept=False, reply_to=None)
        return len(runs.ran) > 2

    eventually(is_taken_again)
    thread.stop()


def test_there_is_room_for_so_many(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beside, "IN_HAND_MOST", 3)
    monkeypatch.setattr(beside, "TOGETHER_MOST", 1)
    thread = Beside(runs)
    hold_the_first(runs, thread)
    thread.add(["a"], swept=False, reply_to=None)
    thread.add(["b", "c"], swept=False, reply_to=None)
    thread.add(["d"], swept=False, reply_to=None)
    runs.held.set()
    eventually(lambda: len(runs.ran) == 3)
    assert runs.ran == [[("first",)], [("a",)], [("b",)]]
    thread.stop()


def test_it_ends_after_the_run_under_way_and_takes_nothing_more(runs: Runs) -> None:
    thread = Beside(runs)
    hold_the_first(runs, thread)
    thread.add(["a"], swept=False, reply_to=None)
    stopping = threading.Thread(target=thread.stop)
    stopping.start()
    runs.held.set()
    stopping.join(30)
    assert not stopping.is_alive()
    thread.add(["b"], swept=False, reply_to=None)
    assert runs.ran == [[("first",)]]


def test_a_run_that_fails_leaves_its_orders_to_the_next_bell(runs: Runs) -> None:
    thread = Beside(runs)
    runs.fails = True

    def has_run_twice() -> bool:
        thread.add(["a"], swept=False, reply_to=None)
        return len(runs.ran) == 2

    eventually(has_run_twice)
    thread.stop()


def test_what_never_began_is_stopped_at_once(runs: Runs) -> None:
    Beside(runs).stop()
    assert runs.ran == []
