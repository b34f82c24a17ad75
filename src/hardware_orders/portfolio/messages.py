"""What is told about a portfolio at fault: which portfolio, which field, and how to mend it."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from hardware_orders.contract.scalars import UUID_PATTERN
from hardware_orders.portfolio.holiday import HOLIDAYS_PATTERN

COUNTRY_PATTERN = "^[A-Z]{3}$"
CUT_OFF_PATTERN = "^([01][0-9]|2[0-3]):[0-5][0-9]$"

_SENTENCES = {
    "missing": "is required",
    "extra_forbidden": "is not a member of a portfolio file here; correct its spelling or remove it",
    "invalid_key": "is not a member of a portfolio file here; correct its spelling or remove it",
    "model_type": "must be an object",
    "dict_type": "must be an object",
    "list_type": "must be a list",
    "string_type": "must be text; put it in quotes",
    "int_type": "must be a whole number, without quotes",
    "bool_type": "must be true or false, without quotes",
}
_PATTERN_SENTENCES = {
    UUID_PATTERN: "must be a UUID in lower case with hyphens",
    COUNTRY_PATTERN: "must be a country as an ISO 3166-1 alpha-3 code, such as FRA",
    HOLIDAYS_PATTERN: "must be a country, or one of its subdivisions, by ISO 3166, such as DE or DE-BY",
    CUT_OFF_PATTERN: "must be a time of day as HH:MM, such as 15:00",
}


class Fault(NamedTuple):
    """Something wrong inside a member: the way to it from there, and a sentence that names it."""

    steps: tuple[int | str, ...]
    sentence: str


class FaultsError(ValueError):
    """Everything that is wrong inside one member. As text it is the first."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__(faults[0].sentence)
        self.faults = faults


def refuse(faults: Iterable[Fault]) -> None:
    """Raise FaultsError if there are any."""
    if found := list(faults):
        raise FaultsError(found)


def steps_of(param: str) -> tuple[int | str, ...]:
    """The steps of a path such as `merchant.pois[3].devicePackage`."""
    return tuple(int(index) if index else name for index, name in re.findall(r"\[([0-9]+)\]|([^.\[]+)", param))


def first_fault(document: Any, error: ValidationError) -> str:
    """One sentence about the first fault of `{"portfolios": [...]}`."""
    return next(all_faults(document, error)).sentence


def all_faults(document: Any, error: ValidationError) -> Iterator[Fault]:
    """Everything that is wrong with `{"portfolios": [...]}`, each with its steps from there and a whole sentence.

    The last step may be `[key]`: then it is the name of the member before it that is wrong.
    """
    for fault in error.errors(include_url=False):
        cause = fault.get("ctx", {}).get("error")
        inner = cause.faults if isinstance(cause, FaultsError) else [Fault((), _predicate(fault))]
        for steps, sentence in inner:
            told = f"{described(document, fault['loc'])}: {sentence.removesuffix('.')}."
            yield Fault((*fault["loc"], *steps), told)


def described(document: Any, steps: Sequence[int | str]) -> str:
    """What lies at these steps, such as `portfolio 2 (Berlin), requestedDate.cutOff`."""
    whose = ""
    if len(steps) > 1:  # portfolios, its index, and the way on from there
        index = int(steps[1])
        portfolio = document["portfolios"][index]
        name = portfolio.get("name") if isinstance(portfolio, dict) else None
        whose = f"portfolio {index + 1} ({name}), " if isinstance(name, str) else f"portfolio {index + 1}, "
        steps = steps[2:]
    field = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps if step != "[key]")
    return f"{whose}{field.removeprefix('.') or 'as a whole'}"


def _predicate(fault: ErrorDetails) -> str:
    context = fault.get("ctx", {})
    if "error" in context:  # one of our own checks
        return str(context["error"])
    if fault["type"] == "string_pattern_mismatch":
        return _PATTERN_SENTENCES[context["pattern"]]
    return _SENTENCES.get(fault["type"], fault["msg"].replace(" should ", " must "))
