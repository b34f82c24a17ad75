"""Reading YAML with the types of JSON."""

from pathlib import Path

import pytest

from hardware_orders.portfolio.document import read_document


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
