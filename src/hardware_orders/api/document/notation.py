"""How the pages write what a schema says: the kind of a value in a few words, and tables."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Json = Mapping[str, Any]

OBJECTS = "/docs/objects"
# As many words as a table's cell bears; longer lists have a page of their own.
_RANGES = {
    "string": ("minLength", "maxLength", " characters"),
    "array": ("minItems", "maxItems", " items"),
    "integer": ("minimum", "maximum", ""),
}


class Resolver:
    """Follows references inside a document."""

    def __init__(self, document: Json) -> None:
        self._document = document

    def __call__(self, part: Json) -> Json:
        """What the part refers to, with what it says beside the reference; the part itself where there is none."""
        if "$ref" not in part:
            return part
        found: Any = self._document
        for step in part["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        return {**found, **{name: value for name, value in part.items() if name != "$ref"}}


def kind(schema: Json) -> str:
    """What values the schema takes, in a few words of Markdown."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return f"[{name}]({OBJECTS}/{name}.md)"
    if "anyOf" in schema:
        return " or ".join(kind(choice) for choice in schema["anyOf"])
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return "one of " + ", ".join(f"`{value}`" for value in schema["enum"])
    types = schema.get("type", "anything")
    return "".join([_named(types, schema), _range(schema), _pattern(schema), _default(schema)])


def meaning(schema: Json) -> str:
    """The member's description, and an example where the schema has one."""
    shown = "".join(f" Example: `{example}`." for example in schema.get("examples", [])[:1])
    return f"{schema.get('description', '')}{shown}".strip()


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a table."""
    return [_row(head), "|" + "---|" * len(head), *map(_row, rows)]


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("\n", " ").replace("|", "\\|") for cell in cells) + " |"


def _named(types: Any, schema: Json) -> str:
    if isinstance(types, list):
        return " or ".join(types)
    if types == "array":
        return ("distinct " if schema.get("uniqueItems") else "") + f"array of {kind(schema['items'])}"
    return schema.get("format", types) if types == "string" else str(types)


def _range(schema: Json) -> str:
    types = schema.get("type")
    least_name, most_name, unit = _RANGES.get(types if isinstance(types, str) else "", ("", "", ""))
    least, most = schema.get(least_name), schema.get(most_name)
    if least is None and most is None:
        return ""
    if most is None:
        return f", at least {least}{unit}"
    if least == most:
        return f", {most}{unit}"
    return f", at most {most}{unit}" if least is None else f", {least} to {most}{unit}"


def _pattern(schema: Json) -> str:
    # A format says it in words; what refuses only the NUL character says nothing that a reader asks for.
    if "pattern" not in schema or "format" in schema or "u0000" in schema["pattern"]:
        return ""
    return f", matching `{schema['pattern']}`"


def _default(schema: Json) -> str:
    return f", default `{str(schema['default']).lower()}`" if "default" in schema else ""
