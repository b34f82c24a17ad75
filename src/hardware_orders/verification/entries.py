"""The stream beside the log: entry by entry the same events, in the same order, without a gap."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

from hardware_orders.delivery.stream import REBUILT_EVENTS
from hardware_orders.verification.fault import Fault

CHECK = "stream"

Entry = tuple[int, str]
"""The position that an entry's id says, and its event."""


def never(_first: int, _last: int) -> bool:
    """Of a log in which nothing was erased."""
    return False


def faults(
    parts: Iterable[Sequence[Entry]],
    told: Callable[[Collection[int]], Mapping[int, str]],
    kept: int,
    are_erased: Callable[[int, int], bool] = never,
) -> Iterator[Fault]:
    """All that is wrong with the stream, whose entries come in parts.

    `told` gives the events of the log at these positions, as they are published; `kept` is the lowest position that the
    log still holds, below which a stream may go on holding entries. What was erased left the stream: `are_erased` says
    whether that is so of all events from one position to another.
    """
    expected: int | None = None
    for part in parts:
        log = told([position for position, _ in part])
        for position, event in part:
            is_hole = expected is not None and position > expected
            if expected is not None and position != expected and not (is_hole and are_erased(expected, position - 1)):
                yield _out_of_order(expected, position)
            expected = position + 1 if expected is None else max(expected, position + 1)
            if position not in log:
                if position >= kept:
                    yield Fault(CHECK, "is in the stream and not in the log", position=position)
            elif log[position] != event:
                yield Fault(CHECK, "the stream has another event than the log", position=position)


def ends(
    first: int | None, top: int, *, kept: int, last: int, are_erased: Callable[[int, int], bool] = never
) -> Iterator[Fault]:
    """What is wrong with where the stream begins and ends; `first` is None for an empty one, `last` the log's end."""
    if first is None:
        if last >= kept:
            yield Fault(CHECK, f"is empty, and the log ends at {last}")
        return
    if top != last:
        yield Fault(CHECK, f"ends at {top}, and the log at {last}", position=top)
    expected = max(kept, last - REBUILT_EVENTS + 1)
    if first > expected and not are_erased(expected, first - 1):
        yield Fault(CHECK, f"begins at {first}, and the last {REBUILT_EVENTS:,} events belong in it", position=first)


def _out_of_order(expected: int, position: int) -> Fault:
    if position > expected:
        return Fault(CHECK, f"the stream goes on with {position}", position=expected)
    return Fault(CHECK, f"the stream repeats it, or has it after {expected - 1}", position=position)
