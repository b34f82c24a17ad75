"""The request's own headers: booleans, preferences, idempotency keys, and the body with its media type."""

import asyncio
import hashlib

import pytest

from hardware_orders.api.bodies import BODY_MOST_BYTES
from hardware_orders.api.headers import Preference, body, boolean, idempotency_key, portfolio_version, preference
from hardware_orders.api.problems import Problem
from hardware_orders.intake.idempotency import Key
from tests.api.requests import a_request, with_body

DEFAULT = Preference(5.0, None)
ASYNC = Preference(0, "respond-async")


# Booleans


@pytest.mark.parametrize(("value", "meaning"), [("true", True), ("false", False)])
@pytest.mark.parametrize("name", ["saveDraft", "SAVEDRAFT", "savedraft"])
def test_a_boolean(name: str, value: str, *, meaning: bool) -> None:
    assert boolean(a_request((name, value)), "saveDraft") is meaning


def test_an_absent_boolean_is_false() -> None:
    assert boolean(a_request(("other", "true")), "saveDraft") is False


@pytest.mark.parametrize("value", ["", " ", "True", "TRUE", "1", "yes", "maybe", "true,true", '"true"', "truë"])
def test_what_is_no_boolean(value: str) -> None:
    with pytest.raises(Problem) as refused:
        boolean(a_request(("saveDraft", value)), "saveDraft")
    error = refused.value.errors[0]
    assert (refused.value.status, error.param, error.code) == (400, "saveDraft", "not_boolean")
    assert error.message == "saveDraft must be `true` or `false`."


@pytest.mark.parametrize("second", ["true", "false"])
def test_a_boolean_sent_twice(second: str) -> None:
    with pytest.raises(Problem) as refused:
        boolean(a_request(("saveDraft", "true"), ("SaveDraft", second)), "saveDraft")
    assert (refused.value.status, refused.value.errors[0].code) == (400, "header_repeated")


# X-Portfolio-Version


@pytest.mark.parametrize("values", [[], ["pinned"], ["latest"], [" latest "]])
def test_which_version_of_the_portfolio(values: list[str]) -> None:
    intent = portfolio_version(a_request(*(("x-portfolio-version", value) for value in values)))
    assert intent == (values[0].strip().upper() if values else "SUBMIT")


@pytest.mark.parametrize("values", [[""], ["PINNED"], ["pinned, latest"], ["pinned", "pinned"], ["pinned", "latest"]])
def test_what_is_no_version_of_the_portfolio(values: list[str]) -> None:
    with pytest.raises(Problem) as refused:
        portfolio_version(a_request(*(("x-portfolio-version", value) for value in values)))
    error = refused.value.errors[0]
    assert (refused.value.status, error.param) == (400, "X-Portfolio-Version")
    remedy = "be sent once" if len(values) > 1 else "be `pinned` or `latest`"
    assert error.message == f"X-Portfolio-Version must {remedy}."


# Prefer


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], DEFAULT),
        (["respond-async"], ASYNC),
        (["Respond-Async"], ASYNC),
        (["  respond-async  "], ASYNC),
        (["wait=10"], Preference(10, "wait=10")),
        (["WAIT = 10"], Preference(10, "wait=10")),
        (['wait="10"'], Preference(10, "wait=10")),
        (["wait=0"], Preference(0, "wait=0")),
        (["wait=30"], Preference(30, "wait=30")),
        (["wait=31"], Preference(30, "wait=30")),
        (["wait=999999"], Preference(30, "wait=30")),
        (["return=minimal, wait=7"], Preference(7, "wait=7")),
        (["return=minimal", "wait=7"], Preference(7, "wait=7")),
        ([",, wait=7,"], Preference(7, "wait=7")),
        (["wait=3", "wait=4"], Preference(3, "wait=3")),
    ],
)
def test_preferences(values: list[str], expected: Preference) -> None:
    assert preference(a_request(*(("Prefer", value) for value in values)), 5.0) == expected


@pytest.mark.parametrize(
    "value",
    ["", ",", "wait", "wait=", "wait=-1", "wait=1.5", "wait=ten", "wait=²", "waits=3", "respond-asynchronously"],
)
def test_what_is_no_preference_of_ours_is_ignored(value: str) -> None:
    assert preference(a_request(("Prefer", value)), 5.0) == DEFAULT


@pytest.mark.parametrize("value", ["wait=9999999", "wait=" + "9" * 100])
def test_however_long_the_wait_asked_for_the_bound_holds(value: str) -> None:
    assert preference(a_request(("Prefer", value)), 5.0) == Preference(30, "wait=30")


@pytest.mark.parametrize(
    "values", [["respond-async, wait=10"], ["wait=10, respond-async"], ["respond-async", "wait=10"]]
)
def test_respond_async_with_a_wait_waits_that_long_in_either_order(values: list[str]) -> None:
    assert preference(a_request(*(("Prefer", value) for value in values)), 5.0).seconds == 10


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("wait=7;note=x", Preference(7, "wait=7")),
        ("wait=7 ; note", Preference(7, "wait=7")),
        ("respond-async;note=x", ASYNC),
        ('respond-async=""', ASYNC),
    ],
)
def test_parameters_and_empty_values_take_nothing_away(value: str, expected: Preference) -> None:
    assert preference(a_request(("Prefer", value)), 5.0) == expected


@pytest.mark.parametrize("value", ['note="a, respond-async, b"', 'note="a, wait=1, b"', 'note="\\", wait=1, \\""'])
def test_a_quoted_text_is_no_list_of_preferences(value: str) -> None:
    assert preference(a_request(("Prefer", value)), 5.0) == DEFAULT


@pytest.mark.parametrize("value", ['wait="5', 'wait=5"'])
def test_half_a_quotation_is_no_preference(value: str) -> None:
    assert preference(a_request(("Prefer", value)), 5.0) == DEFAULT


# Idempotency-Key


def key(
    *values: str, raw: bytes = b"{}", semantic: tuple[str, ...] = ("False", "False"), path: str = "/o"
) -> Key | None:
    request = a_request(*(("Idempotency-Key", value) for value in values), path=path)
    return idempotency_key(request, "u-ada", raw, *semantic)


def test_without_a_key() -> None:
    assert key() is None


@pytest.mark.parametrize("value", ["k", "k" * 255, "!~", '"8e03978e-40d5"', "a,b;c=d"])
def test_a_key(value: str) -> None:
    digest = hashlib.sha256(b"POST\n/o\nFalse\nFalse\n{}").hexdigest()
    assert key(value) == Key("u-ada", value, digest)


@pytest.mark.parametrize("value", ["", "k" * 256, "a b", " a", "a\t", "a\r", "a\n", "a\x00", "a\x7f", "é"])
def test_a_bad_key(value: str) -> None:
    with pytest.raises(Problem) as refused:
        key(value)
    assert (refused.value.status, refused.value.errors[0].param) == (400, "Idempotency-Key")


def test_two_keys() -> None:
    with pytest.raises(Problem):
        key("k", "k")


def test_another_request_has_another_hash() -> None:
    hashes = [
        key("k"),
        key("k", raw=b"{ }"),
        key("k", semantic=("True", "False")),
        key("k", semantic=("False", "True")),
        key("k", path="/p"),
    ]
    assert len({each.request_hash for each in hashes if each}) == len(hashes)


# The body


def test_the_body_is_read_in_whatever_chunks_it_comes() -> None:
    request = with_body(b'{"a"', b": ", b"1}", content_type="Application/JSON; charset=UTF-8")
    assert asyncio.run(body(request)) == (b'{"a": 1}', '{"a": 1}', {"a": 1})


@pytest.mark.parametrize(
    "content_type",
    [None, "", "text/plain", "application/xml", "application/x-www-form-urlencoded", "application/jsonx", "json"],
)
def test_another_media_type(content_type: str | None) -> None:
    with pytest.raises(Problem) as refused:
        asyncio.run(body(with_body(b"{}", content_type=content_type)))
    assert refused.value.status == 415


def test_an_empty_body() -> None:
    with pytest.raises(Problem) as refused:
        asyncio.run(body(with_body()))
    assert (refused.value.status, refused.value.errors[0].code) == (400, "not_json")


def test_the_largest_body_and_one_byte_more() -> None:
    largest = b'"' + b"x" * (BODY_MOST_BYTES - 2) + b'"'
    assert asyncio.run(body(with_body(largest)))[0] == largest
    with pytest.raises(Problem) as refused:
        asyncio.run(body(with_body(largest, b" ")))
    assert refused.value.status == 413
