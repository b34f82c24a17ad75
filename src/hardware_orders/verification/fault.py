"""What is wrong, and where."""

from typing import NamedTuple


class Fault(NamedTuple):
    """`check` is one of orders, positions, stream; a fault is about an order, a position, or neither."""

    check: str
    sentence: str
    order_id: str | None = None
    position: int | None = None

    def __str__(self) -> str:
        about = self.order_id or (f"position {self.position}" if self.position is not None else "")
        return f"{about}: {self.sentence}" if about else self.sentence


def runs(positions: list[int]) -> str:
    """`1-7, 9-12`: short enough to be read."""
    starts = [n for n, one in enumerate(positions) if n == 0 or one != positions[n - 1] + 1]
    ends = [*(start - 1 for start in starts[1:]), len(positions) - 1]
    return ", ".join(f"{positions[start]}-{positions[end]}" for start, end in zip(starts, ends, strict=True)) or "none"
