"""The strict parser: what is read, what is refused and with which code, and that no refusal repeats the input."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware_orders.api.problems import Problem
from hardware_orders.api.strict_json import DEPTH_MOST, parse
from hardware_orders.contract.body import check_order

CUSTOMER = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"


def code_of(raw: bytes) -> str:
    with pytest.raises(Problem) as refused:
        parse(raw)
    problem = refused.value
    assert problem.status == 400
    assert [error.param for error in problem.errors] == [""]
    assert problem.detail == problem.errors[0].message
    return problem.errors[0].code


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b" \n",
        b"{",
        b'{"a":1',
        b'{"a":',
        b"{}x",
        b"{}{}",
        b"{} ,",
        b'{"a":1,}',
        b"[1,]",
        b"{'a':1}",
        b"{a:1}",
        b"nul",
        b"True",
        b"01",
        b"+1",
        b".5",
        b"1.",
        b"0x1",
        b"// no comments\n{}",
        b'"\\x"',
        b'"\\ud8"',
        b'"a\nb"',
        b'"\x00"',
        b"{}\x00",
        b"\x0c{}",
        b"\xc2\xa0{}",
        b"NaN",
        b"[NaN]",
        b'{"a":Infinity}',
        b"-Infinity",
        b"\xef\xbb\xbf{}",
        "{}".encode("utf-16-be"),
        "{}".encode("utf-16-le"),
        "{}".encode("utf-32-le"),
    ],
)
def test_what_is_no_json(raw: bytes) -> None:
    assert code_of(raw) == "not_json"


@pytest.mark.parametrize("raw", [b"\xff", b'"\xc3"', b'"\xed\xa0\x80"', b'"\xc0\x80"', "{}".encode("utf-16")])
def test_what_is_no_utf8(raw: bytes) -> None:
    assert code_of(raw) == "not_utf8"


@pytest.mark.parametrize("raw", [b'{"a":1,"a":1}', b'{"a":1,"\\u0061":2}', b'[{"b":{"":1,"":2}}]'])
def test_a_member_named_twice(raw: bytes) -> None:
    assert code_of(raw) == "duplicate_member"


@pytest.mark.parametrize("raw", [b"9" * 5_000, b'{"a":-' + b"9" * 100_000 + b"}"])
def test_a_number_of_thousands_of_digits(raw: bytes) -> None:
    assert code_of(raw) == "number_too_long"


@pytest.mark.parametrize("raw", [b"1e400", b"[-1e400]", b'{"a":1e99999999999}', b"9" * 400 + b".5"])
def test_a_number_beyond_every_reader(raw: bytes) -> None:
    with pytest.raises(Problem) as refused:
        parse(raw)
    assert refused.value.status == 400


@pytest.mark.parametrize("core", ["[]", "{}", "[1]", '{"a":1}', '[{"a":[]},1]'])
def test_nesting_up_to_the_limit(core: str) -> None:
    around = DEPTH_MOST - (2 + core.count("[{") if "[{" in core else 1)
    deepest = "[" * around + core + "]" * around
    assert parse(deepest.encode()) == (deepest, json.loads(deepest))
    assert code_of(f"[{deepest}]".encode()) == "too_deep"


@pytest.mark.parametrize("opening", ["[", '{"a":'])
@pytest.mark.parametrize("depth", [DEPTH_MOST + 1, 100, 900])
def test_nesting_beyond_the_limit(opening: str, depth: int) -> None:
    closing = "]" if opening == "[" else "}"
    assert code_of((opening * depth + "1" + closing * depth).encode()) == "too_deep"


@pytest.mark.parametrize("opening", ["[", '{"a":'])
@pytest.mark.parametrize("depth", [5_000, 100_000])
def test_nesting_beyond_every_stack_closed_or_not(opening: str, depth: int) -> None:
    closing = "]" if opening == "[" else "}"
    assert code_of((opening * depth + "1" + closing * depth).encode()) == "too_deep"
    assert code_of((opening * depth).encode()) == "too_deep"


def test_a_wide_body_is_not_deep() -> None:
    wide = "[" + ",".join(["[]"] * 100_000) + "]"
    assert len(parse(wide.encode())[1]) == 100_000


def test_the_text_is_kept_to_the_letter() -> None:
    raw = b' {"b" : "\\u00e9\xc3\xa9",\r\n\t"a":1.50}\n'
    assert parse(raw) == (raw.decode(), {"b": "éé", "a": 1.5})


@pytest.mark.parametrize("raw", ["null", "1", '"x"', "[]", "true"])
def test_any_json_value_is_read_and_is_the_contracts_to_refuse(raw: str) -> None:
    _, value = parse(raw.encode())
    assert value == json.loads(raw)
    assert [error.param for error in check_order(value)] == [""]


@pytest.mark.parametrize("notes", ['"\\ud800"', '"\\udc00x"', '"\\u0000"'])
def test_characters_that_nobody_can_store_reach_the_contract(notes: str) -> None:
    raw = f'{{"orderReference":"ORD-1","customerEntityUid":"{CUSTOMER}","notes":{notes}}}'
    assert [(error.param, error.code) for error in check_order(parse(raw.encode())[1])] == [("notes", "bad_characters")]


@pytest.mark.parametrize("name", ["\\ud800", "\\u0000", "\\u202e"])
def test_a_members_name_may_be_as_bad(name: str) -> None:
    raw = f'{{"orderReference":"ORD-1","customerEntityUid":"{CUSTOMER}","{name}":1}}'
    errors = check_order(parse(raw.encode())[1])
    assert len(errors) == 1
    assert all((error.param + error.message).isprintable() for error in errors)


def test_a_refusal_repeats_nothing_of_the_input() -> None:
    for raw in (b'{"secret-1":', b'{"secret-1":1,"secret-1":1}', b'["secret-1",NaN]', b'"secret-1\xff"'):
        with pytest.raises(Problem) as refused:
            parse(raw)
        assert "secret" not in refused.value.detail
        assert refused.value.__suppress_context__ or refused.value.__context__ is None


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


@given(VALUES)
def test_whatever_an_encoder_writes_is_read(value: Any) -> None:
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False, indent=1)):
        try:
            raw = text.encode()
        except UnicodeEncodeError:  # a name with half a surrogate pair, which UTF-8 cannot have
            continue
        assert parse(raw) == (text, value)


@given(st.binary(max_size=200) | st.text('{}[]",:0e+-.\\ud8\n tnf', max_size=60).map(str.encode))
def test_any_bytes_are_read_or_refused_with_a_400(raw: bytes) -> None:
    try:
        text, value = parse(raw)
    except Problem as problem:
        assert problem.status == 400  # noqa: PT017  # either outcome is right
    else:
        assert (text, value) == (raw.decode(), json.loads(text))
