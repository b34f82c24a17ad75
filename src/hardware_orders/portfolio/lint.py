"""What is legal in a portfolio but hardly meant: rules that can never give or ask for anything."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hardware_orders.portfolio.messages import Fault
from hardware_orders.portfolio.portfolio import Override, Portfolio


def warnings(portfolios: Sequence[Portfolio]) -> Iterator[Fault]:
    """Each with its steps from the document, and a sentence to follow the name of what lies there."""
    for index, portfolio in enumerate(portfolios):
        for fault in _of(portfolio):
            yield Fault(("portfolios", index, *fault.steps), fault.sentence)


def _of(portfolio: Portfolio) -> Iterator[Fault]:
    yield from _of_overrides(portfolio.overrides)
    if portfolio.requested_date and "requestedDate" in portfolio.defaults:
        sentence = "no date is ever computed, because the defaults give one; remove one of the two"
        yield Fault(("requestedDate",), sentence)
    for target in portfolio.copies:
        # An object is completed by its copy, member by member.
        if _given(portfolio.defaults, target) and not isinstance(_at(portfolio.defaults, target), dict):
            yield Fault(("copies", target), "is never copied, because the defaults give it; remove one of the two")
    for number, field in enumerate(portfolio.required.fields):
        is_computed = field == "requestedDate" and portfolio.requested_date is not None
        if is_computed or _given(portfolio.defaults, field):
            sentence = f"{field} is never missing, because the portfolio gives it to every order; remove it here"
            yield Fault(("required", "fields", number), sentence)


def _of_overrides(overrides: Sequence[Override]) -> Iterator[Fault]:
    for index, override in enumerate(overrides):
        steps = ("overrides", index)
        if not override.defaults:
            yield Fault((*steps, "defaults"), "is empty, so that this override gives nothing; fill or remove it")
            continue
        for number, earlier in enumerate(overrides[:index], start=1):
            if earlier.when.items() <= override.when.items() and _covers(earlier.defaults, override.defaults):
                sentence = (
                    f"gives nothing, because override {number} applies wherever it does and gives all of it first"
                )
                yield Fault(steps, sentence)
                break


def _covers(given: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """True when the first has a value wherever the second has one."""
    for name, value in wanted.items():
        if name not in given:
            return False
        if isinstance(value, dict) and isinstance(given[name], dict) and not _covers(given[name], value):
            return False
    return True


def _at(body: Any, field: str) -> Any:
    for name in field.split("."):
        if not isinstance(body, dict) or name not in body:
            return None
        body = body[name]
    return body


def _given(body: Any, field: str) -> bool:
    return _at(body, field) is not None  # null is nowhere in a portfolio
