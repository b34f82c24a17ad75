"""One strict parser for all bodies (RFC 8259, I-JSON RFC 7493): what two readers could read differently is refused."""

import json
import math
from typing import Any

from hardware_orders.api.problems import Problem, invalid_field

# The contract's deepest member lies 9 levels down.
DEPTH_MOST = 32


def parse(raw: bytes) -> tuple[str, Any]:
    """The body's text and value. Raises Problem 400 that says what is wrong with it, and never echoes what was sent."""
    try:
        text = raw.decode("utf-8")
        value = _decoder.decode(text)
    except UnicodeDecodeError:
        raise invalid_field("", "not_utf8", "must be JSON in UTF-8") from None
    except json.JSONDecodeError as error:
        where = f"must be one JSON value; it cannot be read at line {error.lineno}, column {error.colno}"
        raise invalid_field("", "not_json", where) from None
    except ValueError:
        raise invalid_field("", "number_too_long", "must not hold numbers of thousands of digits") from None
    except RecursionError:
        raise _too_deep() from None
    # Only a text with that many brackets can be that deep.
    if text.count("{") + text.count("[") > DEPTH_MOST and _is_deeper(value, DEPTH_MOST):
        raise _too_deep()
    return text, value


def _too_deep() -> Problem:
    return invalid_field("", "too_deep", f"must not nest deeper than {DEPTH_MOST} levels")


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise invalid_field("", "duplicate_member", "must not name a member of an object twice")
    return members


def _constant(_name: str) -> None:
    raise invalid_field("", "not_json", "must not hold NaN or Infinity, which JSON does not have")


def _fraction(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise invalid_field("", "number_too_large", "must not hold numbers that no computer can hold")
    return value


_decoder = json.JSONDecoder(object_pairs_hook=_members, parse_constant=_constant, parse_float=_fraction)


def _is_deeper(value: Any, levels: int) -> bool:
    """True when more than this many objects and arrays lie inside one another."""
    nested = [value]
    for _ in range(levels + 1):
        nested = [
            item
            for container in nested
            if isinstance(container, dict | list)
            for item in ([*container.values(), None] if isinstance(container, dict) else [*container, None])
        ]
        if not nested:
            return False
    return True
