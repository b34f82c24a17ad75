"""What an answer of the Portfolio Service says, and for how long it may be used; what is remembered, and how much."""

import json

import pytest

from hardware_orders.portfolio import memory
from hardware_orders.portfolio.answer import Answer, away, read
from hardware_orders.portfolio.entry import FRESH_MOST_SECONDS, STALE_SECONDS, Entry, from_json, usable_etag
from hardware_orders.portfolio.lookup import Unavailable, UnknownCustomer
from hardware_orders.portfolio.memory import Memory
from tests.portfolio import customers

CUSTOMER = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"
NOW = 1_800_000_000.0
BODY = json.dumps({"portfolios": [customers.portfolio(CUSTOMER)]}).encode()


def found(body: bytes = BODY, **headers: str) -> Entry:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    entry = read(CUSTOMER, Answer(200, named, body), None, NOW)
    assert isinstance(entry, Entry)
    return entry


@pytest.mark.parametrize(
    ("cache_control", "age", "seconds"),
    [
        (None, "0", 60),
        ("private, max-age=60", "0", 60),
        ("max-age=5,private", "0", 5),
        ('Max-Age="7"', "0", 7),
        ("max-age=60", "20", 40),
        ("max-age=60", "90", 0),
        ("max-age=60", "-1", 60),
        ("max-age=60", "²", 60),
        ("max-age=99999999", "0", FRESH_MOST_SECONDS),
        ("max-age=soon", "0", 60),
        ("max-age=-5", "0", 60),
        ("xmax-age=5", "0", 60),
        ("no-cache, max-age=60", "0", 0),
        ("max-age=60, No-Store", "0", 0),
    ],
)
def test_how_long_an_answer_is_fresh(cache_control: str | None, age: str, seconds: float) -> None:
    headers = {"age": age, **({"cache_control": cache_control} if cache_control else {})}
    assert found(BODY, **headers).fresh_until - NOW == seconds


def test_an_unknown_customer_is_remembered_briefly_and_stands_in_for_nobody() -> None:
    entry = read(CUSTOMER, Answer(404, {"cache-control": "max-age=3600"}, b""), found(), NOW)
    assert isinstance(entry, Entry)
    assert entry.outcome == UnknownCustomer()
    assert entry.fresh_until - NOW == 10
    assert not entry.is_stale_but_usable(NOW)


def test_an_older_answer_is_usable_for_a_day() -> None:
    entry = found()
    assert entry.is_fresh(NOW + 59)
    assert not entry.is_fresh(NOW + 60)
    assert entry.is_stale_but_usable(NOW + STALE_SECONDS - 1)
    assert not entry.is_stale_but_usable(NOW + STALE_SECONDS)


def test_an_answer_that_nothing_has_changed_makes_it_fresh_again() -> None:
    known = found(etag='"v1"')
    entry = read(CUSTOMER, Answer(304, {"cache-control": "max-age=30"}, b""), known, NOW + 100)
    assert entry == known.checked_again(NOW + 100, 30)
    assert isinstance(read(CUSTOMER, Answer(304, {}, b""), None, NOW), Unavailable)


@pytest.mark.parametrize("status", [100, 201, 204, 206, 301, 308, 400, 401, 403, 410, 429, 500, 599])
def test_any_other_status_says_nothing_of_a_customer(status: int) -> None:
    told = read(CUSTOMER, Answer(status, {}, BODY), found(), NOW)
    assert isinstance(told, Unavailable)
    assert str(status) in told.reason


SECRET = "s3cr3t"


@pytest.mark.parametrize(
    "members",
    [
        {SECRET: 1},
        {"name": [SECRET]},
        {"version": SECRET},
        {"name": SECRET, "isDefault": "yes"},
        {"defaults": {SECRET: 1}},
        {"copies": {SECRET: SECRET}},
        {"required": {"additionalOrderData": {SECRET: [1]}}},
        {"overrides": [{"when": {SECRET: 1}, "defaults": {}}]},
        {"customerEntityUid": SECRET},
    ],
)
def test_a_reason_repeats_nothing_of_the_answer(members: dict[str, object]) -> None:
    body = json.dumps({"portfolios": [customers.portfolio(CUSTOMER, **members)]}).encode()
    told = read(CUSTOMER, Answer(200, {}, body), None, NOW)
    assert isinstance(told, Unavailable)
    assert told.reason.startswith("The Portfolio Service answered with portfolios that break the rules for them")
    assert SECRET not in told.reason


def test_an_entry_is_shared_as_it_is() -> None:
    for entry in (found(etag='W/"v1"'), Entry(UnknownCustomer(), b"", None, NOW, NOW + 10)):
        shared = from_json(CUSTOMER, entry.as_json(), NOW)
        assert shared
        assert (shared.outcome, shared.etag, shared.fresh_until) == (entry.outcome, entry.etag, entry.fresh_until)


@pytest.mark.parametrize("etag", [None, "", "ä", 'x"\r\nX-Injected: 1', '"' + "x" * 256, 7])
def test_a_tag_that_cannot_be_sent_back_is_none(etag: object) -> None:
    assert usable_etag(etag) is None


def test_the_least_recently_used_is_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "ENTRIES_MOST", 2)
    monkeypatch.setattr(memory, "BYTES_MOST", 3 * len(BODY))
    remembered, entry = Memory(), found()
    for name in ("a", "b"):
        remembered.put(name, entry)
    assert remembered.get("a")
    remembered.put("c", entry)
    assert [bool(remembered.get(name)) for name in "abc"] == [True, False, True]
    remembered.put("d", found(BODY + b" " * 3 * len(BODY)))
    assert [bool(remembered.get(name)) for name in "acd"] == [False, False, False]
    remembered.put("a", entry)
    assert remembered.get("a")


def test_what_was_checked_before_is_no_news() -> None:
    remembered, entry = Memory(), found()
    newer = entry.checked_again(NOW + 1, 60)
    remembered.put("a", newer)
    remembered.put("a", entry)
    assert remembered.get("a") == newer


def test_a_failure_is_remembered_for_a_moment() -> None:
    remembered = Memory()
    assert remembered.put_failure("a", away("is away")) == away("is away")
    assert remembered.at_hand(["a", "b"]) == {"a": away("is away")}
    remembered.put("a", found())
    assert remembered.at_hand(["a"]) == {"a": found().outcome}
