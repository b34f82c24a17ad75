"""The JSON Schema of a portfolio file, for editors: the portfolio's own members, and the contract's in `defaults`."""

from typing import Any

from hardware_orders.contract.body import EACH_ORDERS_OWN, order_schema
from hardware_orders.contract.schema import json_schema
from hardware_orders.portfolio.fields import all_fields
from hardware_orders.portfolio.messages import COUNTRY_PATTERN
from hardware_orders.portfolio.portfolio import PortfolioDocument

DIALECT = "https://json-schema.org/draft/2020-12/schema"
Schema = dict[str, Any]


def portfolio_schema() -> Schema:
    """Give the schema (2020-12). What `check` finds beyond it JSON Schema has no words for.

    These are the time zones that are known, the calendar, copies between fields of different kinds, and what is wrong
    between two portfolios.
    """
    document, order = json_schema(PortfolioDocument), order_schema(complete=False)
    definitions = {**order["$defs"], **document["$defs"], **_of_orders(order)}
    del definitions["JsonValue"]  # what pydantic knows of an order's fields
    portfolio, override = definitions["Portfolio"]["properties"], definitions["Override"]["properties"]
    required = definitions["Required"]["properties"]
    for members in (portfolio, override):
        members["defaults"] = _refers("Defaults", members["defaults"])
    override["when"] = _refers("Condition", override["when"])
    portfolio["copies"] |= {"propertyNames": _refers("Field"), "additionalProperties": _refers("Field")}
    required["fields"]["items"] = _refers("Field")
    variable_name = definitions["VariableResponseType"]["properties"]["variableName"]
    names = {"type": "array", "items": {**variable_name, "minLength": 1}}
    required["additionalOrderData"] |= {"patternProperties": {COUNTRY_PATTERN: names}, "additionalProperties": False}
    return {
        "$schema": DIALECT,
        **document,
        "title": "Portfolio file",
        "$defs": dict(sorted(definitions.items())),
    }


def _of_orders(order: Schema) -> dict[str, Schema]:
    """What a portfolio says of an order: defaults for its fields, their names, and values for them."""
    package = order["$defs"]["PackageDetails"]
    members = {name: member for name, member in order["properties"].items() if name not in EACH_ORDERS_OWN}
    fields = all_fields()
    # An object or a list is completed before it could be compared.
    conditions = {
        name: member
        for name, member in fields.items()
        if name not in EACH_ORDERS_OWN and _type_of(member, order["$defs"]) not in {"object", "array"}
    }
    # It is what picks a portfolio.
    picked = {name: member for name, member in package["properties"].items() if name != "portfolioUid"}
    return {
        "Condition": {"type": "object", "properties": conditions, "additionalProperties": False, "minProperties": 1},
        "Defaults": {
            "type": "object",
            "properties": {**members, "packageDetails": _refers("DefaultPackageDetails", members["packageDetails"])},
            "additionalProperties": False,
        },
        "DefaultPackageDetails": {**package, "properties": picked},
        "Field": {"enum": sorted(fields)},
    }


def _type_of(member: Schema, definitions: dict[str, Schema]) -> Any:
    return definitions[member["$ref"].rpartition("/")[2]].get("type") if "$ref" in member else member.get("type")


def _refers(name: str, described: Schema | None = None) -> Schema:
    """A reference, with the description of what it takes the place of."""
    kept = {"description": described["description"]} if described and "description" in described else {}
    return {"$ref": f"#/$defs/{name}", **kept}
