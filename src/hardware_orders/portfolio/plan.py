"""In which order a portfolio's rules are applied, so that each sees the final values of what it looks at.

Worked out once, when the portfolio is loaded. Rules that look at one another in a circle have no such order, and are
refused then: what they gave would depend on where one begins, and be another when a derived value is sent back.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Any

from hardware_orders.contract.schema_defaults import filled_by

Given = tuple[Mapping[str, Any], Mapping[str, Any]]  # an override's `when`, and its `defaults`


def copies_in_order(copies: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """The copies as (target, source), each behind those that give something of its source; as written where it is free.

    Raises ValueError, with the remedy, where they go round in a circle.
    """
    pairs = list(copies.items())
    needs = {
        number: {other for other, (target, _) in enumerate(pairs) if _overlap(_watched(source), target)}
        for number, (_, source) in enumerate(pairs)
    }
    try:
        return tuple(pairs[number] for level in _levels(needs) for number in level)
    except CycleError as error:
        circle = " from ".join(pairs[number][0] for number in reversed(error.args[1]))
        raise ValueError(f"go round in a circle ({circle}); remove one of these copies") from None


def levels_of_overrides(overrides: Sequence[Given], copies: Mapping[str, str]) -> tuple[tuple[int, ...], ...]:
    """The overrides' indexes, those of a level behind the ones that give what its conditions look at.

    Raises ValueError, with the remedy, where conditions depend on one another in a circle.
    """
    watched = {_watched(field) for when, _ in overrides for field in when}
    ordered = copies_in_order(copies)
    givers: dict[str, set[int]] = {field: set() for field in watched}
    for number, (when, defaults) in enumerate(overrides):
        given = {field for field, value in _leaves(defaults) if field not in when or when[field] != value}
        for target, source in ordered:
            if _is_among(_watched(source), given):
                given.add(target)
        for field in watched:
            if _is_among(field, given):
                givers[field].add(number)
    needs = {number: set().union(*(givers[_watched(f)] for f in when)) for number, (when, _) in enumerate(overrides)}
    try:
        return tuple(tuple(level) for level in _levels(needs))
    except CycleError as error:
        circle = sorted({number + 1 for number in error.args[1]})
        if len(circle) == 1:
            raise ValueError(
                f"override {circle[0]} gives another value to what its own condition looks at; remove it from its defaults"
            ) from None
        raise ValueError(
            f"overrides {' and '.join(map(str, circle))} give what one another's conditions look at; "
            "let them look at fields that none of them gives"
        ) from None


def _levels(needs: Mapping[int, Collection[int]]) -> Iterator[list[int]]:
    sorter = TopologicalSorter(needs)
    sorter.prepare()
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        yield ready
        sorter.done(*ready)


def _watched(field: str) -> str:
    """What has to be final for `field` to be final: a member with a schema default comes with the object around it."""
    around = filled_by(field)
    return field if around is None else around


def _is_among(field: str, given: Collection[str]) -> bool:
    return any(_overlap(field, other) for other in given)


def _overlap(field: str, other: str) -> bool:
    """True for the same field, and where one is inside the other."""
    return f"{field}.".startswith(f"{other}.") or other.startswith(f"{field}.")


def _leaves(body: Mapping[str, Any], around: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in body.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, f"{around}{name}.")
        else:
            yield f"{around}{name}", value
