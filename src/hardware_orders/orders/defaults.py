"""Completes an order under the simplified flow from its customer's portfolio. Pure: no I/O, no clock.

Precedence: caller, matching override, portfolio default, computed date, copy, schema default. Objects merge member by
member, arrays are taken whole, and what the caller sent stays as it is. Deriving what was derived changes nothing, and
so does sending any of it back: every rule looks at final values only (`portfolio.plan`).
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from operator import itemgetter
from typing import Any, NamedTuple, cast

from hardware_orders import canonical
from hardware_orders.contract.missing import missing_members
from hardware_orders.contract.schema_defaults import SCHEMA_DEFAULTS, Shape, narrowed_to
from hardware_orders.portfolio.fields import nested
from hardware_orders.portfolio.portfolio import Override, Portfolio, Required

Json = Any
Label = tuple[str, str, int, str]  # of a derived field: origin, portfolio_uid, version, rule

ABSENT: Json = object()


class DerivedField(NamedTuple):
    """One value that the caller did not send: a leaf, or a whole array. `rule` is for people, `pointer` is RFC 6901."""

    pointer: str
    value: Json
    origin: str  # override, default, computed, copy or schema
    portfolio_uid: str
    version: int
    rule: str

    def as_json(self) -> dict[str, Json]:
        return {
            "pointer": self.pointer,
            "value": self.value,
            "origin": self.origin,
            "portfolioUid": self.portfolio_uid,
            "version": self.version,
            "rule": self.rule,
        }


Rows = dict[str, tuple[Json, ...]]  # by pointer; each becomes a DerivedField


@dataclass(frozen=True, slots=True)
class Derivation:
    """The completed order. `body` shares with the caller's body and the portfolio what it did not change.

    `derived` and `missing` (pointers of required fields that nothing gave) are sorted by pointer. A name that
    `additionalOrderData` lacks is written `/additionalOrderData/<variableName>`.
    """

    body: dict[str, Json]
    derived: tuple[DerivedField, ...]
    missing: tuple[str, ...]


def derive(body: Mapping[str, Json], portfolio: Portfolio, now: datetime) -> Derivation:
    """The order as the portfolio completes it at `now` (with a zone).

    `body` has passed `check_order(body, complete=False)`, and is not changed. What is derived may make an override
    match: those of one level after the other, by what the order is when the levels before have given their share.
    """
    sent = dict(body)
    # What was sent is final; so most orders, whose overrides look at that or match nothing, are completed once.
    matching = {number for number, override in enumerate(portfolio.overrides) if _matches(override, sent)}
    completed, rows = _complete(sent, portfolio, matching, now)
    for level in portfolio.levels:
        more = {number for number in level if _matches(portfolio.overrides[number], completed)} - matching
        if more:
            matching |= more
            completed, rows = _complete(sent, portfolio, matching, now)
    derived = tuple(map(_derived_field, sorted(rows.values(), key=_pointer)))
    return Derivation(completed, derived, _missing(completed, portfolio))


_pointer = itemgetter(0)
# What `DerivedField._make` does, without a call in Python for each of some forty rows.
_derived_field = cast("Callable[[Iterable[Json]], DerivedField]", partial(tuple.__new__, DerivedField))


def drift(before: Sequence[DerivedField], after: Sequence[DerivedField]) -> tuple[dict[str, Json], ...]:
    """The derived values that are not the same in both, by `pointer`, each `old` and `new`; absent where not derived.

    Derive `after` at the instant of `before`, or a computed date will differ because of the clock alone.
    """
    old = {row.pointer: row.value for row in before}
    new = {row.pointer: row.value for row in after}
    differing = sorted(p for p in old.keys() | new.keys() if old.get(p, ABSENT) != new.get(p, ABSENT))
    sides = (("old", old), ("new", new))
    return tuple({"pointer": p} | {side: values[p] for side, values in sides if p in values} for p in differing)


def _complete(
    sent: dict[str, Json], portfolio: Portfolio, matching: set[int], now: datetime
) -> tuple[dict[str, Json], Rows]:
    rows: Rows = {}
    identity = portfolio.portfolio_uid, portfolio.version
    body = sent
    for number in sorted(matching):
        override = portfolio.overrides[number]
        body = _merge(body, override.defaults, "", ("override", *identity, _in_words(number + 1, override)), rows)
    body = _merge(body, portfolio.defaults, "", ("default", *identity, "default"), rows)
    if portfolio.requested_date and "requestedDate" not in body:
        requested_date, rule = portfolio.requested_date.compute(now)
        body = _merge(body, {"requestedDate": requested_date}, "", ("computed", *identity, rule), rows)
    schema = "schema", *identity, "schema default"
    for target, source in portfolio.copies_in_order:
        body = _fill(body, narrowed_to(source), "", schema, rows)  # what is copied is the source's final value
        value = _at(body, source)
        if value is not ABSENT:
            body = _merge(body, nested(target, value), "", ("copy", *identity, f"copy of {source}"), rows)
    return _fill(body, SCHEMA_DEFAULTS, "", schema, rows), rows


def _merge(
    into: dict[str, Json], source: Mapping[str, Json], pointer: str, label: Label, rows: Rows
) -> dict[str, Json]:
    """`into` with what only `source` has: `into` itself when there is nothing, else a copy of what changes."""
    merged = into
    for name, value in source.items():
        present = into.get(name, ABSENT)
        if present is ABSENT:
            given = value
            _record(value, f"{pointer}/{name}", label, rows)
        elif isinstance(value, dict) and isinstance(present, dict):
            given = _merge(present, value, f"{pointer}/{name}", label, rows)
        else:
            continue
        if given is not present:
            if merged is into:
                merged = dict(into)
                rows.pop(pointer, None)  # an empty object was a leaf until now
            merged[name] = given
    return merged


def _record(value: Json, pointer: str, label: Label, rows: Rows) -> None:
    if isinstance(value, dict) and value:
        for name, member in value.items():
            _record(member, f"{pointer}/{name}", label, rows)  # the contract's names need none of RFC 6901's escapes
    else:
        rows[pointer] = (pointer, value, *label)


def _fill(value: Json, shape: Shape, pointer: str, label: Label, rows: Rows) -> Json:
    """`value` with the schema's defaults in every object that exists; `value` itself when there is nothing to add."""
    if isinstance(value, list):
        return _fill_items(value, shape, pointer, label, rows)
    filled = value if value.keys() >= shape.values.keys() else _merge(value, shape.values, pointer, label, rows)
    for name, member in shape.members.items():
        if name in value:
            given = _fill(value[name], member, f"{pointer}/{name}", label, rows)
            if given is not value[name]:
                filled = {**filled, name: given}
    return filled


def _fill_items(items: list[Json], shape: Shape, pointer: str, label: Label, rows: Rows) -> list[Json]:
    inner: list[Rows] = [{} for _ in items]
    filled = [_fill(item, shape, f"{pointer}/{index}", label, inner[index]) for index, item in enumerate(items)]
    if not any(inner):
        return items
    if shape.is_unique:
        _take_back_equals(filled, items, inner)
    derived = rows.get(pointer)
    if derived:  # a derived array stays one row, whatever is added inside it
        rows[pointer] = (pointer, filled, *derived[2:])
    else:
        for given in inner:
            rows.update(given)
    return filled


def _take_back_equals(filled: list[Json], items: list[Json], inner: list[Rows]) -> None:
    """Leave as they were those items that defaults would make equal: the order would no longer be a valid one."""
    times = Counter(canonical.text(item) for item in filled)
    for index, item in enumerate(filled):
        if times[canonical.text(item)] > 1:
            filled[index] = items[index]
            inner[index].clear()


def _matches(override: Override, body: Mapping[str, Json]) -> bool:
    return all(_at(body, field) == value for field, value in override.when.items())


def _at(body: Mapping[str, Json], field: str) -> Json:
    value: Json = body
    for name in field.split("."):
        if name not in value:
            return ABSENT
        value = value[name]
    return value


def _in_words(number: int, override: Override) -> str:
    conditions = (f"{f} = {v if isinstance(v, str) else json.dumps(v)}" for f, v in override.when.items())
    return f"override {number}: {', '.join(conditions)}"


def _missing(body: dict[str, Json], portfolio: Portfolio) -> tuple[str, ...]:
    required = portfolio.required
    missing = missing_members(body)
    missing += ["/" + field.replace(".", "/") for field in required.fields if _at(body, field) is ABSENT]
    if required.additional_order_data:
        missing += [f"/additionalOrderData/{name}" for name in _absent_variables(body, required)]
    return tuple(sorted(set(missing))) if missing else ()


def _absent_variables(body: dict[str, Json], required: Required) -> set[str]:
    """The variable names that the order's country requires, and that have no value or a blank one."""
    country = _at(body, "merchant.companyAddress.country")
    if country is ABSENT:
        country = _at(body, "merchant.shippingAddress.country")
    given = body.get("additionalOrderData", ())
    answered = {entry.get("variableName") for entry in given if entry.get("variableValue", "").strip()}
    return set(required.additional_order_data.get(country, ())) - answered
