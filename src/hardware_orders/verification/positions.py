"""The positions of all events: from the first that is kept to the counter, without a gap; the database's own index keeps them from being given twice."""

from collections.abc import Iterable, Iterator

from hardware_orders.verification.fault import Fault

CHECK = "positions"


def faults(positions: Iterable[int], first: int, last: int) -> Iterator[Fault]:
    """All that is wrong with the ascending `positions`, which should be `first` to `last`."""
    expected = first
    for position in positions:
        if position > expected:
            yield _missing(expected, position - 1)
        expected = position + 1
    if expected <= last:
        yield _missing(expected, last)


def _missing(first: int, last: int) -> Fault:
    more = f", and so are all to {last}" if last > first else ""
    return Fault(CHECK, f"is missing{more}", position=first)
