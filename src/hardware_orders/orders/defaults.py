"""Completes an order under the simplified flow from its customer's portfolio. Pure: no I/O, and the instant is handed in.

Precedence: caller, matching override, portfolio default, computed date, copy, schema default. Objects merge member by
member, arrays are taken whole, and what the caller sent stays as it is. Deriving what was derived changes nothing.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from hardware_orders.contract.body import missing_members
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


Rows = dict[str, DerivedField]  # by pointer


@dataclass(frozen=True, slots=True)
class Derivation:
    """The completed order. `body` shares with the caller's body and the portfolio what it did not change.

    `derived` and `missing` (pointers of required fields that nothing gave) are sorted by pointer. A name that
    `additionalOrderData` lacks is written `/additionalOrderData/<variableName>`.
    """

    body: dict[str, Json]
    derived: tuple[DerivedField, ...]
    missing: tuple[str, ...]


class Shape(NamedTuple):
    """The defaults that the contract's schema gives to an object, or to each object of an array, and what is inside."""

    values: Mapping[str, Json] = {}
    members: Mapping[str, "Shape"] = {}


_PHONE = Shape({"phoneType": "HOME", "isPrimary": False})
_CONTACT = Shape({"contactType": "BUSINESS"}, {"phoneNumbers": _PHONE})
_ADDRESS = Shape(members={"contact": _CONTACT})
_MERCHANT = Shape(
    members={
        "primaryContact": _CONTACT,
        "tradingAddress": _ADDRESS,
        "shippingAddress": _ADDRESS,
        "billingAddress": _ADDRESS,
        "companyAddress": _ADDRESS,
    }
)
_SERVICE_PACKAGE = Shape(members={"processorParameters": Shape({"processor": "TSYS_US"})})
SCHEMA_DEFAULTS = Shape(
    members={
        "paymentDetails": Shape({"paymentType": "CREDIT"}),
        "packageDetails": Shape(members={"servicePackages": _SERVICE_PACKAGE}),
        "merchant": _MERCHANT,
    }
)


def derive(body: Mapping[str, Json], portfolio: Portfolio, now: datetime) -> Derivation:
    """The order as the portfolio completes it at `now` (with a zone).

    `body` has passed `check_order(body, complete=False)`, and is not changed. What is derived may make a further
    override match; so the matching is repeated until none does. An override that has matched is not taken back.
    """
    sent = dict(body)
    matching = [_matches(override, sent) for override in portfolio.overrides]
    while True:
        completed, rows = _complete(sent, portfolio, matching, now)
        again = [
            matched or _matches(override, completed)
            for matched, override in zip(matching, portfolio.overrides, strict=True)
        ]
        if again == matching:
            derived = tuple(rows[pointer] for pointer in sorted(rows))
            return Derivation(completed, derived, _missing(completed, portfolio))
        matching = again


def drift(before: Sequence[DerivedField], after: Sequence[DerivedField]) -> tuple[str, ...]:
    """The pointers, sorted, whose derived value is not the same in both; given in one only is not the same.

    Derive `after` at the instant of `before`, or a computed date will differ because of the clock alone.
    """
    old = {row.pointer: row.value for row in before}
    new = {row.pointer: row.value for row in after}
    return tuple(sorted(p for p in old.keys() | new.keys() if old.get(p, ABSENT) != new.get(p, ABSENT)))


def _complete(
    sent: dict[str, Json], portfolio: Portfolio, matching: list[bool], now: datetime
) -> tuple[dict[str, Json], Rows]:
    rows: Rows = {}
    identity = portfolio.portfolio_uid, portfolio.version
    body = sent
    for number, override in enumerate(portfolio.overrides, start=1):
        if matching[number - 1]:
            body = _merge(body, override.defaults, "", ("override", *identity, _in_words(number, override)), rows)
    body = _merge(body, portfolio.defaults, "", ("default", *identity, "default"), rows)
    if portfolio.requested_date and "requestedDate" not in body:
        requested_date, rule = portfolio.requested_date.compute(now)
        body = _merge(body, {"requestedDate": requested_date}, "", ("computed", *identity, rule), rows)
    body = _copy(body, portfolio, rows)
    while (filled := _fill(body, SCHEMA_DEFAULTS, "", ("schema", *identity, "schema default"), rows)) is not body:
        body = _copy(filled, portfolio, rows)  # a schema default may be copied in turn
        if body is filled:
            break
    return body, rows


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
        rows[pointer] = DerivedField(pointer, value, *label)


def _copy(body: dict[str, Json], portfolio: Portfolio, rows: Rows) -> dict[str, Json]:
    """`body` with what the copies give, and the copies of copies; `body` itself when that is nothing."""
    copied: dict[str, Json] = {}
    before = None
    while before is not body:
        before = body
        for target, source in portfolio.copies.items():
            value = _at(body, source)
            if value is not copied.get(target, ABSENT):  # what was copied already is still there
                copied[target] = value
                label = "copy", portfolio.portfolio_uid, portfolio.version, f"copy of {source}"
                body = _merge(body, nested(target, value), "", label, rows)
    return body


def _fill(value: Json, shape: Shape, pointer: str, label: Label, rows: Rows) -> Json:
    """`value` with the schema's defaults in every object that exists; `value` itself when there is nothing to add."""
    if isinstance(value, list):
        return _fill_items(value, shape, pointer, label, rows)
    filled = _merge(value, shape.values, pointer, label, rows) if shape.values else value
    for name, member in shape.members.items():
        if name in value:
            given = _fill(value[name], member, f"{pointer}/{name}", label, rows)
            if given is not value[name]:
                filled = {**filled, name: given}
    return filled


def _fill_items(items: list[Json], shape: Shape, pointer: str, label: Label, rows: Rows) -> list[Json]:
    derived = rows.get(pointer)
    inner = {} if derived else rows  # a derived array stays one row, whatever is added inside it
    filled = [_fill(item, shape, f"{pointer}/{index}", label, inner) for index, item in enumerate(items)]
    if all(new is old for new, old in zip(filled, items, strict=True)):
        return items
    if derived:
        rows[pointer] = derived._replace(value=filled)
    return filled


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
    missing = set(missing_members(body))
    missing.update("/" + field.replace(".", "/") for field in required.fields if _at(body, field) is ABSENT)
    if required.additional_order_data:
        missing.update(f"/additionalOrderData/{name}" for name in _absent_variables(body, required))
    return tuple(sorted(missing))


def _absent_variables(body: dict[str, Json], required: Required) -> set[str]:
    """The variable names that the order's country requires, and that have no value or a blank one."""
    country = _at(body, "merchant.companyAddress.country")
    if country is ABSENT:
        country = _at(body, "merchant.shippingAddress.country")
    given = body.get("additionalOrderData", ())
    answered = {entry.get("variableName") for entry in given if entry.get("variableValue", "").strip()}
    return set(required.additional_order_data.get(country, ())) - answered
