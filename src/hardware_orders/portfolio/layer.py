"""What a rule of a portfolio gives, and the rows that tell of it: the same for every order, so they are written once."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, NamedTuple, cast

from hardware_orders.portfolio.fields import at, nested

Json = Any
Label = tuple[str, str, int, str]  # of a derived field: origin, portfolio_uid, version, rule


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
# Writes the rows of a value that is given at a pointer.
Record = Callable[[str, Json, Rows], None]


def recorder(label: Label) -> Record:
    """Writes a row for each leaf of a value, or for the whole of it where it is an empty object or an array."""
    return partial(_record, label)


# What `DerivedField._make` does, without a call in Python for each row.
_derived_field = cast("Callable[[Iterable[Json]], DerivedField]", partial(tuple.__new__, DerivedField))


def _record(label: Label, pointer: str, value: Json, rows: Rows) -> None:
    if isinstance(value, dict) and value:
        for name, member in value.items():
            _record(label, f"{pointer}/{name}", member, rows)  # the contract's names need none of RFC 6901's escapes
    else:
        rows[pointer] = _derived_field((pointer, value, *label))


class Layer(NamedTuple):
    """The values that a rule gives, and what records those that an order takes."""

    values: Mapping[str, Json]
    record: Record


def kept_layer(values: Mapping[str, Json], label: Label) -> Layer:
    """A layer to complete many orders with: the rows of each object among `values` are written beforehand."""
    written: dict[str, Rows] = {}

    def record(pointer: str, value: Json, rows: Rows) -> None:
        if pointer in written:
            rows.update(written[pointer])
        else:
            _record(label, pointer, value, rows)

    for name, value in values.items():
        _write(label, f"/{name}", value, written)
    return Layer(values, record)


def _write(label: Label, pointer: str, value: Json, written: dict[str, Rows]) -> Rows:
    """The rows of the value; those of each object in it are put into `written`."""
    rows: Rows = {}
    if isinstance(value, dict) and value:
        for name, member in value.items():
            rows |= _write(label, f"{pointer}/{name}", member, written)
        written[pointer] = rows
    else:
        _record(label, pointer, value, rows)
    return rows


class Copy(NamedTuple):
    """One of a portfolio's copies. Most orders copy the portfolio's own default, so the layer of that is kept."""

    target: str
    source: str
    label: Label
    default: Json  # of the source
    of_default: Layer

    def layer(self, value: Json) -> Layer:
        """What is given where this is the source's final value."""
        if value is self.default:
            return self.of_default
        return Layer(nested(self.target, value), recorder(self.label))


def kept_copy(target: str, source: str, label: Label, defaults: Mapping[str, Json]) -> Copy:
    """The copy, for a portfolio with these defaults. What they lack, ABSENT, is never copied."""
    default = at(defaults, source)
    return Copy(target, source, label, default, kept_layer(nested(target, default), label))
