"""The dotted names by which a portfolio speaks of an order's fields, held against the contract when it is loaded."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from hardware_orders.contract.body import order_schema
from hardware_orders.contract.scalars import NAME_PATTERN, NOT_BLANK_NAME_PATTERN, TEXT_PATTERN

UNBOUNDED = 2**31
ABSENT: Any = object()


def nested(field: str, value: Any) -> dict[str, Any]:
    """The partial order body that has `value` at the dotted name, e.g. `merchant.mcc`."""
    for name in reversed(field.split(".")):
        value = {name: value}
    return dict(value)


def at(body: Mapping[str, Any], field: str) -> Any:
    """The value that a partial order body has at the dotted name, or ABSENT."""
    value: Any = body
    for name in field.split("."):
        if name not in value:
            return ABSENT
        value = value[name]
    return value


def check_field(field: str) -> None:
    """Raise ValueError unless the contract has a field of this dotted name."""
    _schema_of(field)


def check_copy(target: str, source: str) -> None:
    """Raise ValueError unless whatever is valid in `source` is valid in `target`, so that no copy spoils an order."""
    if not _fits(_schema_of(source), _schema_of(target)):
        raise ValueError(f"{target} cannot be a copy of {source}; copy between fields of the same kind")


def all_fields() -> dict[str, dict[str, Any]]:
    """Every dotted name that there is, with its schema, whose references are those of the order's."""
    whole = _order_schema()
    found: dict[str, dict[str, Any]] = {}
    waiting = [("", whole)]
    while waiting:
        prefix, schema = waiting.pop()
        for name, member in _properties(schema).items():
            found[prefix + name] = member
            waiting.append((f"{prefix}{name}.", member))
    return found


@cache
def _order_schema() -> dict[str, Any]:
    return order_schema()


def _schema_of(field: str) -> dict[str, Any]:
    schema = _order_schema()
    for name in field.split("."):
        properties = _properties(schema)
        if name not in properties:
            raise ValueError(f"{field!r} is not a field of an order; write it dotted, such as merchant.companyAddress")
        schema = properties[name]
    return {keyword: value for keyword, value in schema.items() if keyword not in {"description", "examples"}}


def _properties(schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
    definition = schema.get("$ref", "").rpartition("/")[2]
    found: dict[str, dict[str, Any]] = (_order_schema()["$defs"][definition] if definition else schema).get(
        "properties", {}
    )
    return found


def _fits(source: dict[str, Any], target: dict[str, Any]) -> bool:
    if source == target:
        return True
    if not source.get("type") == target.get("type") == "string":
        return False
    # Every text of an order satisfies TEXT_PATTERN: it only forbids NUL. A name that is not blank is a name.
    patterns = source.get("pattern"), target.get("pattern")
    is_wider = patterns[1] == TEXT_PATTERN or patterns == (NOT_BLANK_NAME_PATTERN, NAME_PATTERN)
    is_free = is_wider and "format" not in target
    is_alike = [source.get(k) for k in ("pattern", "format", "enum")] == [
        target.get(k) for k in ("pattern", "format", "enum")
    ]
    return (is_free or is_alike) and (
        source.get("minLength", 0) >= target.get("minLength", 0)
        and source.get("maxLength", UNBOUNDED) <= target.get("maxLength", UNBOUNDED)
    )
