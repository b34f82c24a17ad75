"""What is in hand for the next group commit: single orders before the lines of batches (docs/adr/0018)."""

import threading
from collections import deque
from typing import Generic, TypeVar

# One INSERT of this many rows; larger groups gain nothing and make the unlucky wait longer.
GROUP_MOST_ORDERS = 500
# Bodies may have 4 MiB; a group of them must not fill the memory.
GROUP_MOST_BYTES = 8 * 2**20
# Lines that were left out once come along with the next single orders, so many at a time: some milliseconds.
LINES_BESIDE = 10

T = TypeVar("T")


class InHand(Generic[T]):
    """Two queues, one for single orders and one for lines. For any number of threads that put, and one that takes."""

    def __init__(self) -> None:
        self._singles: deque[tuple[T, int]] = deque()
        self._lines: deque[tuple[T, int]] = deque()
        self._are_lines_left_out = False
        self._changed = threading.Condition()
        self._is_ended = False

    def put(self, item: T, size: int, *, is_line: bool) -> None:
        """`size` is in bytes, or what stands for them."""
        with self._changed:
            (self._lines if is_line else self._singles).append((item, size))
            self._changed.notify()

    def end(self) -> None:
        """Nothing more is put."""
        with self._changed:
            self._is_ended = True
            self._changed.notify()

    def take(self) -> list[T]:
        """Wait for something, then take what is in hand, within the bounds of a group; nothing when all has been taken."""
        with self._changed:
            self._changed.wait_for(lambda: self._singles or self._lines or self._is_ended)
            taken, size = _taken(self._singles, GROUP_MOST_ORDERS, GROUP_MOST_BYTES)
            left_out = bool(taken and self._lines) and not self._are_lines_left_out
            if not left_out:
                most = LINES_BESIDE if taken else GROUP_MOST_ORDERS
                taken += _taken(self._lines, most, GROUP_MOST_BYTES - size)[0]
            self._are_lines_left_out = left_out
            return taken


def _taken(waiting: deque[tuple[T, int]], most: int, most_bytes: int) -> tuple[list[T], int]:
    """At most so many, and no further one once so many bytes are reached."""
    taken: list[T] = []
    size = 0
    while waiting and len(taken) < most and size < most_bytes:
        item, item_size = waiting.popleft()
        taken.append(item)
        size += item_size
    return taken, size
