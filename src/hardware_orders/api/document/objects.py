"""How the schemas of answers are written: objects whose members each have a description."""

from collections.abc import Iterable
from typing import Any

from hardware_orders.api.document import reference
from hardware_orders.contract.scalars import UUID_PATTERN

Schema = dict[str, Any]


def an_object(description: str, required: dict[str, Schema], optional: dict[str, Schema] | None = None) -> Schema:
    return {
        "type": "object",
        "description": description,
        "properties": {**required, **(optional or {})},
        "required": list(required),
    }


def text(description: str, **keywords: Any) -> Schema:
    return {"type": "string", "description": description, **keywords}


def uuid(description: str) -> Schema:
    return text(description, format="uuid", pattern=UUID_PATTERN)


def instant(description: str) -> Schema:
    return text(description, format="date-time")


def whole_number(description: str, least: int = 0) -> Schema:
    return {"type": "integer", "minimum": least, "description": description}


def array(description: str, items: Schema, **keywords: Any) -> Schema:
    return {"type": "array", "description": description, "items": items, **keywords}


def anything(description: str) -> Schema:
    """A member that takes any JSON value."""
    return {"description": description}


def words(values: Iterable[str], description: str) -> Schema:
    """A component of its own: a closed list of words."""
    return {"type": "string", "enum": [str(value) for value in values], "description": description}


def one_of(name: str, description: str) -> Schema:
    """A member that is another component, with what it means here."""
    return {**reference.schema(name), "description": description}
