"""Reads a YAML or JSON file the way JSON means it: YAML's own dates, base-60 numbers and yes/no stay text."""

import json
import re
from pathlib import Path
from typing import Any, BinaryIO

import yaml

TAG = "tag:yaml.org,2002:"
MERGE_TAG = TAG + "merge"

# Some two thousand portfolios like the samples: beyond that a Portfolio Service is the better place.
BYTES_MOST = 4 * 2**20
# Some fifteen hundred of them, which as YAML take seven seconds and 190 MB to be read.
NODES_MOST = 250_000


class EndlessError(ValueError):
    """A YAML text that goes on beyond NODES_MOST, or without an end: most likely by its aliases."""

    def __init__(self, problem: str, mark: yaml.Mark) -> None:
        super().__init__(f"line {mark.line + 1}: {problem}")
        self.problem = problem
        self.mark = mark


class JsonTypesLoader(yaml.SafeLoader):
    """YAML with JSON's types only: `cutOff: 15:00` is text here, and not the number 900.

    What an alias stands for counts wherever it stands, before anything is made of it: a few lines in which each is ten
    times the one before are refused.
    """

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - declared so by PyYAML

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._nodes = 0
        self._nodes_of: dict[yaml.Node, int] = {}  # what has an anchor, once it is complete

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """The next node. Raises EndlessError for one too many, and for an alias inside of what it stands for."""
        before, event = self._nodes, self.peek_event()  # type: ignore[no-untyped-call]  # PyYAML's
        mark: yaml.Mark = event.start_mark
        node = super().compose_node(parent, index)
        if node is None:
            return None
        if isinstance(event, yaml.AliasEvent):
            if node not in self._nodes_of:
                raise EndlessError(f"*{event.anchor} {INSIDE_ITSELF}", mark)
            self._nodes += self._nodes_of[node]
        else:
            self._nodes += 1
            if event.anchor is not None:
                self._nodes_of[node] = self._nodes - before
        if self._nodes > NODES_MOST:
            raise EndlessError(TOO_MANY_BY_ALIASES, mark)
        return node


INSIDE_ITSELF = "stands inside of what it stands for; write out what is meant"
REMEDY = "have a Portfolio Service hold so many portfolios"
TOO_MANY = f"more than {NODES_MOST:,} names and values; {REMEDY}"
TOO_MANY_BY_ALIASES = (
    f"by here the text has more than {NODES_MOST:,} names and values, each alias counted as what it stands for; "
    f"leave out aliases of aliases, or {REMEDY}"
)
TOO_LARGE = f"it is larger than {BYTES_MOST // 2**20} MiB; {REMEDY}"


for _tag, _pattern, _first in (
    ("bool", r"true|false", "tf"),
    ("null", r"null|~|", ["n", "~", ""]),
    ("int", r"-?(0|[1-9][0-9]*)", "-0123456789"),
    ("float", r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?", "-0123456789"),
    ("merge", r"<<", "<"),
):
    JsonTypesLoader.add_implicit_resolver(TAG + _tag, re.compile(rf"^(?:{_pattern})$"), list(_first))


def read_document(path: Path) -> object:
    """The parsed content. Raises OSError when it cannot be read, ValueError when it is not YAML or JSON, or too much.

    A member that an object names twice is a ValueError too: whichever was meant, the other one would be lost.
    """
    with path.open("rb") as file:
        text = decoded(read_bounded(file))
    try:
        return parse_json(text) if path.suffix == ".json" else parse_yaml(text)
    except yaml.YAMLError as error:
        raise ValueError(f"is not YAML: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise ValueError("it nests deeper than any portfolio does") from None


def read_bounded(file: BinaryIO) -> bytes:
    """What is left in an open file, as far as is needed to see that it is too large."""
    return file.read(BYTES_MOST + 1)


def decoded(content: bytes) -> str:
    """The text of a file's content. Raises ValueError where it is too large, UnicodeDecodeError unless it is UTF-8."""
    if len(content) > BYTES_MOST:
        raise ValueError(TOO_LARGE)
    return content.decode("utf-8")


def parse_json(text: str) -> object:
    """The value of a JSON text. Raises ValueError, which is a JSONDecodeError where a place can be named."""
    return load_json(text, object_pairs_hook=_members, parse_constant=_refuse_constant)


def load_json(text: str, **hooks: Any) -> object:
    """What `json.loads` gives. Raises ValueError beyond NODES_MOST, too."""
    value = json.loads(text, **hooks)
    waiting, nodes = [value], 0
    while waiting:
        inside = waiting.pop()
        nodes += 1
        if isinstance(inside, dict):
            nodes += len(inside)
            waiting.extend(inside.values())
        elif isinstance(inside, list):
            waiting.extend(inside)
    if nodes > NODES_MOST:
        raise ValueError(f"it has {TOO_MANY}")
    return value


def parse_yaml(text: str) -> object:
    """The value of a YAML text. Raises YAMLError; ValueError for repeated members, and EndlessError, which is one."""
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
