"""Conditional requests: what lists of entity tags mean, and what is no list of them."""

from collections.abc import Callable

import pytest
from starlette.requests import Request

from hardware_orders.api.conditional import etag, expected, is_known
from hardware_orders.api.problems import Problem
from tests.api.requests import a_request


def test_a_tag_is_the_version_and_is_understood_when_it_comes_back() -> None:
    tag = etag(7)["ETag"]
    assert tag == '"7"'
    assert expected(a_request(("If-Match", tag))) == {7}
    assert is_known(a_request(("If-None-Match", tag)), 7)


@pytest.mark.parametrize(
    ("values", "versions"),
    [
        ([], None),
        (["*"], None),
        ([" * "], None),
        (['"7", "8"'], {7, 8}),
        (['"7"', '"8"'], {7, 8}),
        ([', "7" ,,\t"8",'], {7, 8}),
        (['W/"7"'], set()),
        (['W/"7", "8"'], {8}),
        (['"7,8"'], set()),
        (['"*"'], set()),
        (['""'], set()),
        (['"07"', '"-7"', '"7.0"', '"é"', '"seven"', '"' + "9" * 11 + '"'], set()),
    ],
)
def test_what_if_match_expects(values: list[str], versions: set[int] | None) -> None:
    assert expected(a_request(*(("If-Match", value) for value in values))) == versions


@pytest.mark.parametrize(
    ("values", "known"),
    [
        ([], False),
        (["*"], True),
        (['"7"'], True),
        (['W/"7"'], True),
        (['"6", W/"7"'], True),
        (['"6"', '"7"'], True),
        (['"6"'], False),
        (['"07"'], False),
        (['"6,7"'], False),
    ],
)
def test_what_if_none_match_knows(values: list[str], *, known: bool) -> None:
    assert is_known(a_request(*(("If-None-Match", value) for value in values)), 7) is known


@pytest.mark.parametrize(
    ("name", "read"),
    [("If-Match", expected), ("If-None-Match", lambda request: is_known(request, 7))],
)
@pytest.mark.parametrize(
    "value",
    [
        "",
        ",",
        "7",
        "'7'",
        '"7',
        '7"',
        '"7" "8"',
        '"7";"8"',
        'w/"7"',
        "W/7",
        '*, "7"',
        '"7", *',
        "**",
        '"7" 8',
        '"\t"',
        '"7"x',
    ],
)
def test_what_is_no_list_of_tags(name: str, read: Callable[[Request], object], value: str) -> None:
    with pytest.raises(Problem) as refused:
        read(a_request((name, value)))
    error = refused.value.errors[0]
    assert (refused.value.status, error.param, error.code) == (400, name, "bad_entity_tag")


@pytest.mark.parametrize("value", ["*", '"7"', 'W/"6"', ""])
def test_no_change_is_made_in_spite_of_if_none_match(value: str) -> None:
    with pytest.raises(Problem) as refused:
        expected(a_request(("If-Match", '"7"'), ("If-None-Match", value)))
    error = refused.value.errors[0]
    assert (refused.value.status, error.param, error.code) == (400, "If-None-Match", "not_for_changes")
