"""Everything that is wrong with the text of a portfolio file, each with its line, and what is legal but hardly meant."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml
from pydantic import ValidationError

from hardware_orders.portfolio.document import (
    REPEATED,
    REPEATED_REMEDY,
    EndlessError,
    decoded,
    load_json,
    parse_json,
    parse_yaml,
    repeated_keys,
)
from hardware_orders.portfolio.lint import warnings
from hardware_orders.portfolio.messages import Fault, all_faults, described
from hardware_orders.portfolio.places import START, Place, compose_json, compose_yaml, locate, place_of
from hardware_orders.portfolio.portfolio import PortfolioDocument, conflicts


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """Something at a place of the file, in one sentence with the remedy. A warning is no mistake: the file can be used."""

    place: Place
    sentence: str
    is_warning: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """What was found, in the order of the text; how many portfolios and customers a file without mistakes has."""

    findings: tuple[Finding, ...]
    portfolios: int = 0
    customers: int = 0

    @property
    def mistakes(self) -> int:
        return sum(not finding.is_warning for finding in self.findings)


def check(content: bytes, *, is_json: bool | None = None) -> Report:
    """The report of a file's content. `is_json` None: JSON if it can be read as such, else YAML."""
    try:
        text = decoded(content)
        if is_json is None:
            is_json = _is_json(text)
        root = _composed_json(text) if is_json else compose_yaml(text)
        if repeated := repeated_keys(root):
            # What else is wrong depends on which of the two is meant.
            return Report(tuple(_repetition(first, again) for first, again in repeated))
        return _report(parse_json(text) if is_json else parse_yaml(text), root)
    except EndlessError as error:
        return Report((Finding(Place(error.mark.line + 1, error.mark.column + 1), f"{error.problem}."),))
    except (RecursionError, ValueError, yaml.YAMLError) as error:
        place, reason = _why_unreadable(error, content)
        return Report((Finding(place, f"{reason}."),))


def _why_unreadable(error: Exception, content: bytes) -> tuple[Place, str]:
    match error:
        case UnicodeDecodeError():
            return _end_of(content[: error.start].decode("utf-8")), "this is not UTF-8; save the file in UTF-8"
        case json.JSONDecodeError():
            return Place(error.lineno, error.colno), f"this is not JSON: {error.msg}"
        case yaml.reader.ReaderError():
            return _end_of(content.decode("utf-8")[: error.position]), f"this is not YAML: {error.reason}"
        case yaml.MarkedYAMLError():
            mark = error.problem_mark or error.context_mark
            context = f" ({error.context})" if error.context else ""
            place = Place(mark.line + 1, mark.column + 1) if mark else START
            return place, f"this is not YAML: {error.problem}{context}"
        case RecursionError():
            return START, "it nests deeper than any portfolio does"
        case _:  # too much of it, or a number that is none
            return START, str(error)


def _composed_json(text: str) -> yaml.Node:
    """Raises JSONDecodeError unless the text is JSON, repeated members and all."""
    load_json(text)
    return compose_json(text)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _report(document: object, root: yaml.Node | None) -> Report:
    try:
        portfolios = PortfolioDocument.model_validate(document).portfolios
    except ValidationError as error:
        # Portfolios are compared only where all of them are good; a set, for then each conflict is there already.
        faults = [*all_faults(document, error), *_conflicts(document)]
        return Report(tuple(sorted({_finding(fault, root) for fault in faults})))
    customers = {portfolio.customer_entity_uid for portfolio in portfolios}
    told = [
        _finding(Fault(steps, f"{described(document, steps)}: {sentence}."), root, is_warning=True)
        for steps, sentence in warnings(portfolios)
    ]
    return Report(tuple(sorted(told)), len(portfolios), len(customers))


def _conflicts(document: Any) -> Iterator[Fault]:
    """What is wrong between those portfolios that say well enough whose they are."""
    portfolios = document.get("portfolios") if isinstance(document, dict) else None
    for steps, sentence in conflicts(
        [_identity(entry) for entry in portfolios] if isinstance(portfolios, list) else []
    ):
        yield Fault(steps, f"as a whole: {sentence}.")


def _identity(entry: Any) -> tuple[str, str, bool] | None:
    if not isinstance(entry, dict):
        return None
    uid, customer, is_default = (entry.get(name) for name in ("portfolioUid", "customerEntityUid", "isDefault"))
    if isinstance(uid, str) and isinstance(customer, str) and isinstance(is_default, bool):
        return uid, customer, is_default
    return None


def _finding(fault: Fault, root: yaml.Node | None, *, is_warning: bool = False) -> Finding:
    return Finding(locate(root, fault.steps), fault.sentence, is_warning)


def _repetition(first: yaml.Node, again: yaml.Node) -> Finding:
    where = f"first in line {place_of(first).line}"
    return Finding(place_of(again), f"{again.value} {REPEATED}, {where}; {REPEATED_REMEDY}.")


def _end_of(text: str) -> Place:
    return Place(text.count("\n") + 1, len(text) - text.rfind("\n"))
