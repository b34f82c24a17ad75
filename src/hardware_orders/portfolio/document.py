"""Reads a YAML or JSON file the way JSON means it: YAML's own dates, base-60 numbers and yes/no stay text."""

import json
import re
from pathlib import Path

import yaml

TAG = "tag:yaml.org,2002:"


class _JsonTypesLoader(yaml.SafeLoader):
    """YAML with JSON's types only: `cutOff: 15:00` is text here, and not the number 900."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - declared so by PyYAML


for _tag, _pattern, _first in (
    ("bool", r"true|false", "tf"),
    ("null", r"null|~|", ["n", "~", ""]),
    ("int", r"-?(0|[1-9][0-9]*)", "-0123456789"),
    ("float", r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?", "-0123456789"),
    ("merge", r"<<", "<"),
):
    _JsonTypesLoader.add_implicit_resolver(TAG + _tag, re.compile(rf"^(?:{_pattern})$"), list(_first))


def read_document(path: Path) -> object:
    """The parsed content. Raises OSError when it cannot be read, ValueError when it is not YAML or JSON."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".json":
        return json.loads(text)
    try:
        return yaml.load(text, Loader=_JsonTypesLoader)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(f"is not YAML: {' '.join(str(error).split())}") from None
