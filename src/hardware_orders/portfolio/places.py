"""Where the parts of a YAML or JSON text stand: its tree of nodes, each with line and column."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

import yaml

from hardware_orders.portfolio.document import MERGE_TAG, TAG, JsonTypesLoader

Step = int | str
# Of a text that was found to be JSON.
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]]|[^\s{}\[\],:"]+')


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Line and column, both from 1, as editors count them."""

    line: int
    column: int


START = Place(1, 1)


def place_of(node: yaml.Node) -> Place:
    return Place(node.start_mark.line + 1, node.start_mark.column + 1)


def compose_yaml(text: str) -> yaml.Node | None:
    """The tree of a YAML text; None when it is empty. Raises YAMLError."""
    loader = JsonTypesLoader(text)
    try:
        return loader.get_single_node()
    finally:
        loader.dispose()


def compose_json(text: str) -> yaml.Node:
    """The tree of a JSON text, which must be one."""
    line, start = 0, 0
    open_nodes: list[list[yaml.Node]] = [[]]
    begun: list[yaml.Mark] = []
    for token in _TOKEN.finditer(text):
        line += text.count("\n", start, token.start())
        start = token.start()
        mark = yaml.Mark("", start, line, start - text.rfind("\n", 0, start) - 1, None, 0)
        kind = token.group()
        if kind in "{[":
            begun.append(mark)
            open_nodes.append([])
        elif kind in "}]":
            children, began = open_nodes.pop(), begun.pop()
            open_nodes[-1].append(_collection(children, kind, began, mark))
        else:
            value = json.loads(kind) if kind.startswith('"') else kind
            open_nodes[-1].append(yaml.ScalarNode(TAG + "str", value, mark, mark))
    return open_nodes[0][0]


def _collection(children: list[yaml.Node], kind: str, began: yaml.Mark, ended: yaml.Mark) -> yaml.Node:
    if kind == "]":
        return yaml.SequenceNode(TAG + "seq", children, began, ended)
    members = list(zip(children[::2], children[1::2], strict=True))
    return yaml.MappingNode(TAG + "map", members, began, ended)


def locate(root: yaml.Node | None, steps: Sequence[Step]) -> Place:
    """Where the member at these steps is named, or the last one on the way there that is in the text."""
    if root is None:
        return START
    node, place = root, place_of(root)
    for step in steps:
        found = _inside(node, step)
        if found is None:
            break
        name, node = found
        place = place_of(name)
    return place


def _inside(node: yaml.Node, step: Step) -> tuple[yaml.Node, yaml.Node] | None:
    """(the name, or the item itself, and the value); a mapping's own members go before those merged into it."""
    if isinstance(node, yaml.SequenceNode):
        inside = isinstance(step, int) and step < len(node.value)
        return (node.value[step], node.value[step]) if inside else None
    if not isinstance(node, yaml.MappingNode):
        return None
    merged: list[yaml.Node] = []
    for name, value in node.value:
        if name.tag == MERGE_TAG:
            merged += value.value if isinstance(value, yaml.SequenceNode) else [value]
        elif isinstance(name, yaml.ScalarNode) and name.value == str(step):
            return name, value
    return next((found for mapping in merged if (found := _inside(mapping, step))), None)
