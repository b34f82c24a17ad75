"""The defaults that the contract's schema gives to what an object lacks, and what is inside that has some."""

from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple


class Shape(NamedTuple):
    """Of an object, or of each object of an array. `is_unique`: the items of the array must differ."""

    values: Mapping[str, Any] = {}
    members: Mapping[str, "Shape"] = {}
    is_unique: bool = False


_PHONE = Shape({"phoneType": "HOME", "isPrimary": False}, is_unique=True)
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


def is_filled(value: Any, shape: Shape) -> bool:
    """False where the object, or one of the array's, lacks a member that the shape has a default for."""
    for item in value if isinstance(value, list) else (value,):
        if not item.keys() >= shape.values.keys():
            return False
        for name, inner in shape.members.items():
            if name in item and not is_filled(item[name], inner):
                return False
    return True


def filled_by(field: str) -> str | None:
    """The dotted name of what must be filled for `field` to have its final value; None when no default reaches it.

    That is the field itself, or the object around it where the field is one that has a default.
    """
    shape, around = SCHEMA_DEFAULTS, ""
    for name in field.split("."):
        if name in shape.values:
            return around
        if name not in shape.members:
            return None
        shape, around = shape.members[name], f"{around}.{name}" if around else name
    return around


@cache
def narrowed_to(field: str) -> Shape:
    """Of `SCHEMA_DEFAULTS` what is inside `filled_by(field)`, at its place; nothing where no default reaches the field."""
    around = filled_by(field)
    names = around.split(".") if around else []
    shape = SCHEMA_DEFAULTS if names else Shape()
    for name in names:
        shape = shape.members[name]
    for name in reversed(names):
        shape = Shape(members={name: shape})
    return shape
