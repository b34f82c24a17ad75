"""Reading YAML with the types of JSON."""

import re
from itertools import pairwise
from pathlib import Path

import pytest

from hardware_orders.portfolio.check import check
from hardware_orders.portfolio.document import BYTES_MOST, NODES_MOST, read_document
from hardware_orders.portfolio.places import Place


def test_yaml_has_the_types_of_json_only(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(
        "{a: 15:00, b: 2026-11-23, c: no, d: true, e: null, f: 12, g: 1.5, h: 010, i: '7', j: Écully}", "utf-8"
    )
    assert read_document(path) == {
        "a": "15:00",
        "b": "2026-11-23",
        "c": "no",
        "d": True,
        "e": None,
        "f": 12,
        "g": 1.5,
        "h": "010",
        "i": "7",
        "j": "Écully",
    }


def test_a_mapping_may_be_merged_into_another(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text("one: &one {a: 1}\ntwo: {<<: *one, b: 2}\n")
    assert read_document(path) == {"one": {"a": 1}, "two": {"a": 1, "b": 2}}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("p.yaml", b"a: ["),
        ("p.yaml", b"!!python/object/apply:os.getcwd []"),
        ("p.yaml", b"\xff\xfe\x00"),
        ("p.yaml", b"[" * 100_000),
        ("p.json", b"a: 1"),
        ("p.json", b"[" * 100_000),
    ],
)
def test_anything_else_is_a_value_error(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ValueError):  # noqa: PT011 - the words are the parser's
        read_document(path)


def tens(first: str, next_: str) -> str:
    """Lines a to g, the first of which is one thing, and each other one ten times the one before."""
    lines = [f"a: &a {first}"]
    lines += [f"{b}: &{b} {next_.format(', '.join([f'*{a}'] * 10))}" for a, b in pairwise("abcdefg")]
    return "\n".join(lines)


TOO_MANY = f"by here the text has more than {NODES_MOST:,} names and values, each alias counted as what it stands for; "


# In lists all copies would be one; in merged mappings a million pairs, which is too much but still harms nobody here.
@pytest.mark.parametrize("text", [tens("[x]", "[{}]"), tens("{x: 1}", "{{<<: [{}]}}")])
def test_a_few_lines_do_not_become_millions_of_values(tmp_path: Path, text: str) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=f"^line [67]: {TOO_MANY}"):
        read_document(path)
    [finding] = check(text.encode(), is_json=False).findings
    assert finding.sentence.startswith(TOO_MANY)
    assert text.splitlines()[finding.place.line - 1][finding.place.column - 1] == "*"


def test_an_alias_counts_as_what_it_stands_for(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    inside = 1_000  # and the list around them
    most = (NODES_MOST - len(["the mapping", "one", "all", "its list"])) // (inside + 1)
    for aliases in (most - 1, most):
        path.write_text(f"one: &one [{'1, ' * inside}]\nall: [{'*one, ' * aliases}]")
        if aliases < most:
            assert read_document(path) == {"one": [1] * inside, "all": [[1] * inside] * aliases}
        else:
            with pytest.raises(ValueError, match=TOO_MANY):
                read_document(path)


@pytest.mark.parametrize("text", ["a: &a [*a]", "a: &a {<<: *a}", "a: &a {b: {c: *a}}"])
def test_nothing_holds_itself(tmp_path: Path, text: str) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(text)
    sentence = "*a stands inside of what it stands for; write out what is meant"
    with pytest.raises(ValueError, match=f"^line 1: {re.escape(sentence)}$"):
        read_document(path)
    [finding] = check(text.encode(), is_json=False).findings
    assert (finding.place, finding.sentence) == (Place(1, text.index("*") + 1), f"{sentence}.")


def test_a_file_has_a_size_that_it_may_not_pass(tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    path.write_bytes(b"[]".ljust(BYTES_MOST))
    assert read_document(path) == []
    path.write_bytes(b"[]".ljust(BYTES_MOST + 1))
    with pytest.raises(ValueError, match=f"^it is larger than {BYTES_MOST // 2**20} MiB; have a"):
        read_document(path)
    [finding] = check(path.read_bytes(), is_json=True).findings
    assert (finding.place, finding.sentence.startswith("it is larger than")) == (Place(1, 1), True)


def test_json_has_as_many_names_and_values_as_yaml(tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    for values in (NODES_MOST - len(["the object", "its member's name", "the list"]), NODES_MOST):
        path.write_text(f'{{"a": [{", ".join(["1"] * values)}]}}')
        if values < NODES_MOST:
            assert read_document(path) == {"a": [1] * values}
        else:
            with pytest.raises(ValueError, match=f"^it has more than {NODES_MOST:,} names and values; "):
                read_document(path)
    [finding] = check(path.read_bytes(), is_json=True).findings
    assert (finding.place, finding.sentence.startswith("it has more than")) == (Place(1, 1), True)
