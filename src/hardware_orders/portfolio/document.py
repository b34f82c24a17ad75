"""Reads a YAML or JSON file the way JSON means it: YAML's own dates, base-60 numbers and yes/no stay text."""

import json
import re
from pathlib import Path
from typing import Any

import yaml

TAG = "tag:yaml.org,2002:"
MERGE_TAG = TAG + "merge"


class JsonTypesLoader(yaml.SafeLoader):
    """YAML with JSON's types only: `cutOff: 15:00` is text here, and not the number 900."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - declared so by PyYAML


for _tag, _pattern, _first in (
    ("bool", r"true|false", "tf"),
    ("null", r"null|~|", ["n", "~", ""]),
    ("int", r"-?(0|[1-9][0-9]*)", "-0123456789"),
    ("float", r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?", "-0123456789"),
    ("merge", r"<<", "<"),
):
    JsonTypesLoader.add_implicit_resolver(TAG + _tag, re.compile(rf"^(?:{_pattern})$"), list(_first))


def read_document(path: Path) -> object:
    """The parsed content. Raises OSError when it cannot be read, ValueError when it is not YAML or JSON.

    A member that an object names twice is a ValueError too: whichever was meant, the other one would be lost.
    """
    text = path.read_text(encoding="utf-8")
    try:
        return parse_json(text) if path.suffix == ".json" else parse_yaml(text)
    except yaml.YAMLError as error:
        raise ValueError(f"is not YAML: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise ValueError("it nests deeper than any portfolio does") from None


def parse_json(text: str) -> object:
    """The value of a JSON text. Raises ValueError, which is a JSONDecodeError where a place can be named."""
    return json.loads(text, object_pairs_hook=_members, parse_constant=_refuse_constant)


def parse_yaml(text: str) -> object:
    """The value of a YAML text. Raises YAMLError, and ValueError for repeated members."""
    loader = JsonTypesLoader(text)
    try:
        root = loader.get_single_node()
        for first, again in repeated_keys(root):
            lines = f"lines {first.start_mark.line + 1} and {again.start_mark.line + 1}"
            raise ValueError(f"{again.value} {REPEATED} ({lines}); {REPEATED_REMEDY}")
        return None if root is None else loader.construct_document(root)
    finally:
        loader.dispose()


REPEATED = "stands twice in one object"
REPEATED_REMEDY = "remove one of them"


def repeated_keys(root: yaml.Node | None) -> list[tuple[yaml.ScalarNode, yaml.ScalarNode]]:
    """(the first, one that repeats it) for every member that is named again in its object, in the text's order.

    Looked for before anything is constructed: that is when a merged mapping's members still are where they were written.
    """
    found: list[tuple[yaml.ScalarNode, yaml.ScalarNode]] = []
    waiting, seen = [root], set()
    while waiting:
        node = waiting.pop()
        if id(node) in seen:  # an alias
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            waiting.extend(node.value)
        elif isinstance(node, yaml.MappingNode):
            firsts: dict[str, yaml.ScalarNode] = {}
            for key, value in node.value:
                waiting.append(value)
                if isinstance(key, yaml.ScalarNode) and firsts.setdefault(key.value, key) is not key:
                    found.append((firsts[key.value], key))
    return sorted(found, key=lambda pair: pair[1].start_mark.index)


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice} {REPEATED}; {REPEATED_REMEDY}")
    return members


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON; write a number, or text in quotes")
