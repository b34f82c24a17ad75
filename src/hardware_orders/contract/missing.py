"""What an order still lacks under the simplified flow: the contract's required members, walked and not validated.

A completed order has been validated in its parts. Only what is absent is left to be found, and validating the whole
again took as long as completing it.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from functools import cache
from typing import Any, NamedTuple

from hardware_orders.contract.body import order_schema


class _Needs(NamedTuple):
    """What an object, or each object of an array, must have; and what is inside of it that needs something."""

    names: AbstractSet[str]
    members: Mapping[str, "_Needs"]


def missing_members(body: dict[str, Any]) -> list[str]:
    """Give the JSON Pointers (RFC 6901), sorted, of the required members that nested objects of the body lack.

    The body is one that `check_order(body, complete=False)` found good. No member's name needs RFC 6901's escapes.
    """
    missing: list[str] = []
    for name, needs in _of_an_order().items():
        # Most orders lack nothing, and it takes longer to write pointers than to look.
        if name in body and not _is_whole(body[name], needs):
            _find(body[name], needs, f"/{name}", missing)
    return sorted(missing)


def _is_whole(value: Any, needs: _Needs) -> bool:
    for item in value if isinstance(value, list) else (value,):
        if not isinstance(item, dict):
            continue
        if not item.keys() >= needs.names:
            return False
        for name, inner in needs.members.items():
            if name in item and not _is_whole(item[name], inner):
                return False
    return True


def _find(value: Any, needs: _Needs, pointer: str, missing: list[str]) -> None:
    if isinstance(value, list):
        for index, item in enumerate(value):
            _find(item, needs, f"{pointer}/{index}", missing)
    elif isinstance(value, dict):
        if not needs.names <= value.keys():
            missing += [f"{pointer}/{name}" for name in needs.names - value.keys()]
        for name, inner in needs.members.items():
            if name in value:
                _find(value[name], inner, f"{pointer}/{name}", missing)


@cache
def _of_an_order() -> Mapping[str, _Needs]:
    """By member of the order. What the order itself must have is required at the intake, so it is never missing."""
    schema = order_schema()
    return _needs(schema, schema["$defs"]).members


def _needs(schema: dict[str, Any], definitions: Mapping[str, Any]) -> _Needs:
    if schema.get("type") == "array":
        return _needs(schema["items"], definitions)
    if "$ref" in schema:
        schema = definitions[schema["$ref"].rpartition("/")[2]]
    inner = {name: _needs(member, definitions) for name, member in schema.get("properties", {}).items()}
    return _Needs(frozenset(schema.get("required", ())), {name: needs for name, needs in inner.items() if any(needs)})
