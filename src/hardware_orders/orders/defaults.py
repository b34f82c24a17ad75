"""Completes an order under the simplified flow from its customer's portfolio. Pure: no I/O, no clock.

Precedence: caller, matching override, portfolio default, computed date, copy, schema default. Objects merge member by
member, arrays are taken whole, and what the caller sent stays as it is. Deriving what was derived changes nothing, and
so does sending any of it back: every rule looks at final values only (`portfolio.plan`).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hardware_orders import canonical
from hardware_orders.contract.missing import missing_members
from hardware_orders.contract.schema_defaults import SCHEMA_DEFAULTS, Shape, is_filled, narrowed_to
from hardware_orders.portfolio.fields import ABSENT, at
from hardware_orders.portfolio.layer import DerivedField, Record, Rows, recorder
from hardware_orders.portfolio.portfolio import Override, Portfolio, Required

Json = Any


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
        more = {n for n in level if n not in matching and _matches(portfolio.overrides[n], completed)}
        if more:
            matching |= more
            completed, rows = _complete(sent, portfolio, matching, now)
    derived = tuple(map(rows.__getitem__, sorted(rows)))
    return Derivation(completed, derived, _missing(completed, portfolio))


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
    body = sent
    for number in sorted(matching):
        body = _merge(body, *portfolio.override_layers[number], rows)
    body = _merge(body, *portfolio.default_layer, rows)
    if portfolio.requested_date and "requestedDate" not in body:
        requested_date, rule = portfolio.requested_date.compute(now)
        body = _merge(body, {"requestedDate": requested_date}, recorder(portfolio.label("computed", rule)), rows)
    schema = recorder(portfolio.label("schema", "schema default"))
    for copy in portfolio.copies_in_order:
        body = _fill(body, narrowed_to(copy.source), schema, rows)  # what is copied is the source's final value
        value = at(body, copy.source)
        if value is not ABSENT:
            body = _merge(body, *copy.layer(value), rows)
    return _fill(body, SCHEMA_DEFAULTS, schema, rows), rows


def _merge(
    into: dict[str, Json], source: Mapping[str, Json], record: Record, rows: Rows, pointer: str = ""
) -> dict[str, Json]:
    """`into` with what only `source` has: `into` itself when there is nothing, else a copy of what changes."""
    merged = into
    for name, value in source.items():
        present = into.get(name, ABSENT)
        if present is ABSENT:
            given = value
            record(f"{pointer}/{name}", value, rows)
        elif isinstance(value, dict) and isinstance(present, dict):
            given = _merge(present, value, record, rows, f"{pointer}/{name}")
        else:
            continue
        if given is not present:
            if merged is into:
                merged = dict(into)
                rows.pop(pointer, None)  # an empty object was a leaf until now
            merged[name] = given
    return merged


def _fill(value: Json, shape: Shape, record: Record, rows: Rows, pointer: str = "") -> Json:
    """`value` with the schema's defaults in every object that exists; `value` itself when there is nothing to add."""
    if isinstance(value, list):
        return _fill_items(value, shape, record, rows, pointer)
    filled = _merge(value, shape.values, record, rows, pointer)
    for name, member in shape.members.items():
        if name in value:
            given = _fill(value[name], member, record, rows, f"{pointer}/{name}")
            if given is not value[name]:
                filled = {**filled, name: given}
    return filled


def _fill_items(items: list[Json], shape: Shape, record: Record, rows: Rows, pointer: str) -> list[Json]:
    if is_filled(items, shape):
        return items
    inner: list[Rows] = [{} for _ in items]
    filled = [_fill(item, shape, record, inner[index], f"{pointer}/{index}") for index, item in enumerate(items)]
    if shape.is_unique:
        _take_back_equals(filled, items, inner)
    derived = rows.get(pointer)
    if derived:  # a derived array stays one row, whatever is added inside it
        rows[pointer] = derived._replace(value=filled)
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
    return all(at(body, field) == value for field, value in override.when.items())


def _missing(body: dict[str, Json], portfolio: Portfolio) -> tuple[str, ...]:
    required = portfolio.required
    missing = missing_members(body)
    missing += ["/" + field.replace(".", "/") for field in required.fields if at(body, field) is ABSENT]
    if required.additional_order_data:
        missing += [f"/additionalOrderData/{name}" for name in _absent_variables(body, required)]
    return tuple(sorted(set(missing))) if missing else ()


def _absent_variables(body: dict[str, Json], required: Required) -> set[str]:
    """The variable names that the order's country requires, and that have no value or a blank one."""
    country = at(body, "merchant.companyAddress.country")
    if country is ABSENT:
        country = at(body, "merchant.shippingAddress.country")
    given = body.get("additionalOrderData", ())
    answered = {entry.get("variableName") for entry in given if entry.get("variableValue", "").strip()}
    return set(required.additional_order_data.get(country, ())) - answered
