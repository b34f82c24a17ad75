"""What every object of the body has in common, and the two ways to declare a member of one.

The classes only validate: the parsed JSON stays the data, so that what a client sent is kept as sent. An absent member
is therefore given no default worth the name, and `null` is refused, because the contract allows it nowhere.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class BodyObject(BaseModel):
    """A JSON object with a closed list of members, named in camelCase on the wire. "1" is not converted to 1."""

    model_config = ConfigDict(strict=True, extra="forbid", alias_generator=to_camel)


def required(description: str, *examples: object, alias: str | None = None) -> Any:
    """Declare a member that must be there."""
    return Field(description=description, examples=list(examples) or None, alias=alias)


def optional(description: str, *examples: object, alias: str | None = None) -> Any:
    """Declare a member that may be absent; never `null`. `None` stands for "absent" and never reaches the wire."""
    return Field(default=None, description=description, examples=list(examples) or None, alias=alias)
