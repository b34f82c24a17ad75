"""The query string: each parameter once, known, and checked; and cursors, bound to what they were given for."""

import uuid
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from hardware_orders.api import cursor
from hardware_orders.api.problems import Problem
from hardware_orders.api.query import LIST_MOST_VALUES, Query
from hardware_orders.contract.enums import Status
from hardware_orders.orders.search import Filters, Place, SortBy

UID = "0d8b5f3e-7f3f-4c0a-9a43-6f0f6a5f1c22"
NAMES = ("text", "word", "number", "instant", "uuid", "uuids")


class Colour(StrEnum):
    RED = "RED"
    BLUE = "BLUE"


def asked(query_string: str) -> Query:
    scope = {"type": "http", "method": "GET", "path": "/", "query_string": query_string.encode(), "headers": []}
    return Query(Request(scope), NAMES)


def read(query: Query) -> tuple[object, ...]:
    return (
        query.text("text", 10),
        query.word("word", Colour),
        query.number("number", 5, 1, 100),
        query.instant("instant"),
        query.uuid("uuid"),
        query.uuids("uuids"),
    )


def test_values() -> None:
    query = asked(f"text=a%20%C3%A9+b&word=BLUE&number=100&instant=2026-01-01T01:00:00%2B01:00&uuid={UID}&uuids={UID}")
    assert read(query) == ("a é b", Colour.BLUE, 100, datetime(2026, 1, 1, tzinfo=UTC), UID, (UID,))
    assert "text" in query


def test_absent_values() -> None:
    assert read(asked("")) == (None, None, 5, None, None, None)
    assert "text" not in asked("")


@pytest.mark.parametrize("separator", [",", "%2C", "&uuids="])
def test_a_list_is_sorted_and_has_no_repeats(separator: str) -> None:
    low, high = str(uuid.UUID(int=1)), str(uuid.UUID(int=2))
    assert asked(f"uuids={separator.join([high, low, high])}").uuids("uuids") == (low, high)


@pytest.mark.parametrize(
    ("query_string", "param", "code"),
    [
        ("text=", "text", "empty"),
        ("text=" + "x" * 11, "text", "too_long"),
        ("text=%00", "text", "bad_characters"),
        ("text=a&text=a", "text", "parameter_repeated"),
        ("word=GREEN", "word", "not_allowed"),
        ("word=blue", "word", "not_allowed"),
        ("word=", "word", "not_allowed"),
        ("number=0", "number", "bad_number"),
        ("number=101", "number", "bad_number"),
        ("number=-1", "number", "bad_number"),
        ("number=%2B1", "number", "bad_number"),
        ("number=1.0", "number", "bad_number"),
        ("number=%D9%A1", "number", "bad_number"),
        ("number=" + "1" * 5_000, "number", "bad_number"),
        ("number=1&number=2", "number", "parameter_repeated"),
        ("instant=2026-01-01", "instant", "bad_date_time"),
        ("instant=2026-01-01T00:00:00", "instant", "bad_date_time"),
        ("instant=2026-01-01T00:00:00+01:00", "instant", "bad_date_time"),
        ("instant=2026-02-30T00:00:00Z", "instant", "bad_date_time"),
        ("instant=1767225600", "instant", "bad_date_time"),
        ("instant=0001-01-01T00:00:00%2B23:59", "instant", "date_time_out_of_range"),
        ("instant=1999-12-31T23:59:59Z", "instant", "date_time_out_of_range"),
        ("instant=2200-01-01T00:00:00Z", "instant", "date_time_out_of_range"),
        (f"uuid={UID.upper()}", "uuid", "bad_uuid"),
        (f"uuid={UID},{UID}", "uuid", "bad_uuid"),
        ("uuids=", "uuids", "bad_uuid"),
        (f"uuids={UID},", "uuids", "bad_uuid"),
        ("uuids=" + ",".join([UID] * (LIST_MOST_VALUES + 1)), "uuids", "too_many"),
        ("&".join([f"uuids={UID}"] * (LIST_MOST_VALUES + 1)), "uuids", "too_many"),
        ("unknown=1", "unknown", "unknown_parameter"),
        ("Text=1", "Text", "unknown_parameter"),
        ("%00%E2%80%AE=1", "??", "unknown_parameter"),
    ],
)
def test_what_is_refused_and_by_which_name(query_string: str, param: str, code: str) -> None:
    with pytest.raises(Problem) as refused:
        read(asked(query_string))
    error = refused.value.errors[0]
    assert (refused.value.status, error.param, error.code) == (400, param, code)
    assert param in refused.value.detail


@pytest.mark.parametrize(
    "query_string", ["text", "text=a&", "&text=a", "text=%ff", "text=%C3", "&".join(["text=a"] * 1_001)]
)
def test_what_is_no_query(query_string: str) -> None:
    with pytest.raises(Problem) as refused:
        asked(query_string)
    assert refused.value.status == 400


def test_an_instant_whose_plus_was_not_escaped_is_told_how() -> None:
    with pytest.raises(Problem, match="%2B"):
        read(asked("instant=2026-01-01T00:00:00+01:00"))


# Cursors

PLACES = st.builds(
    Place,
    st.datetimes(datetime(2000, 1, 1), datetime(2199, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001  # the zone follows
    st.uuids().map(str),
)
FILTERS = Filters(customers=(UID,), in_status=Status.DRAFT, start=datetime(2026, 1, 1, tzinfo=UTC))
CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@given(PLACES)
def test_a_cursor_leads_back_to_its_place(place: Place) -> None:
    text = cursor.text(place, FILTERS)
    assert text is not None
    assert cursor.place(text, FILTERS) == place


@given(PLACES, st.integers(0, 42), st.sampled_from(CHARACTERS))
def test_an_altered_cursor_is_refused(place: Place, position: int, character: str) -> None:
    text = cursor.text(place, FILTERS) or ""
    altered = text[:position] + character + text[position + 1 :]
    if altered != text:
        with pytest.raises(Problem, match="cursor"):
            cursor.place(altered, FILTERS)


@given(st.text(max_size=100) | st.text(CHARACTERS, min_size=43, max_size=43))
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(Problem, match="cursor"):
        cursor.place(text, FILTERS)


@pytest.mark.parametrize(
    "others",
    [
        Filters(),
        FILTERS._replace(in_status=None),
        FILTERS._replace(customers=(UID, UID)),
        FILTERS._replace(start=None, end=FILTERS.start),
        FILTERS._replace(start=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(microseconds=1)),
        FILTERS._replace(newest_first=False),
        FILTERS._replace(sort_by=SortBy.MODIFIED),
    ],
)
def test_a_cursor_of_other_filters_is_refused(others: Filters) -> None:
    text = cursor.text(Place(datetime(2026, 1, 1, tzinfo=UTC), UID), others) or ""
    assert cursor.place(text, others).order_id == UID
    with pytest.raises(Problem, match="cursor"):
        cursor.place(text, FILTERS)


def test_behind_the_last_page_there_is_no_cursor() -> None:
    assert cursor.text(None, FILTERS) is None
