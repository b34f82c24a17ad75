"""What a group commit takes: single orders first, lines of batches behind them and yet in bounded time."""

import threading

from hardware_orders.intake.in_hand import GROUP_MOST_BYTES, GROUP_MOST_ORDERS, LINES_BESIDE, InHand


def in_hand(singles: int = 0, lines: int = 0, size: int = 1) -> InHand[str]:
    made: InHand[str] = InHand()
    for number in range(lines):
        made.put(f"line {number}", size, is_line=True)
    for number in range(singles):
        made.put(f"single {number}", size, is_line=False)
    return made


def test_single_orders_go_first_and_lines_come_along_with_the_next() -> None:
    waiting = in_hand(singles=2, lines=LINES_BESIDE + 1)
    assert waiting.take() == ["single 0", "single 1"]
    waiting.put("single 2", 1, is_line=False)
    assert waiting.take() == ["single 2", *(f"line {number}" for number in range(LINES_BESIDE))]
    waiting.put("single 3", 1, is_line=False)
    assert waiting.take() == ["single 3"]
    assert waiting.take() == [f"line {LINES_BESIDE}"]


def test_a_group_is_bounded_in_orders_and_in_bytes() -> None:
    assert len(in_hand(singles=GROUP_MOST_ORDERS + 1).take()) == GROUP_MOST_ORDERS
    assert len(in_hand(lines=GROUP_MOST_ORDERS + 1).take()) == GROUP_MOST_ORDERS
    assert len(in_hand(lines=5, size=GROUP_MOST_BYTES // 2).take()) == 2


def test_what_was_put_before_the_end_is_taken_before_it() -> None:
    waiting = in_hand(singles=1, lines=1)
    waiting.end()
    assert [waiting.take() for _ in range(3)] == [["single 0"], ["line 0"], []]


def test_whoever_takes_waits_for_something_to_be_put() -> None:
    waiting = in_hand()
    taken: list[list[str]] = []
    taking = threading.Thread(target=lambda: taken.append(waiting.take()))
    taking.start()
    waiting.put("a", 1, is_line=True)
    taking.join(20)
    assert taken == [["a"]]
