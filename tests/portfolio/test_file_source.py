"""The file of portfolios: read again when it changes, and what happens when it is broken or away."""

import json
import os
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from hardware_orders.portfolio.file_source import FileSource
from hardware_orders.portfolio.lookup import Found, Unavailable, UnknownCustomer

CUSTOMER = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"
STRANGER = "bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb"


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "portfolios.json"


def write(path: Path, version: int, uid: str = "11111111-1111-4111-8111-111111111111") -> None:
    portfolio = {
        "portfolioUid": uid,
        "version": version,
        "name": "Bakery",
        "customerEntityUid": CUSTOMER,
        "isDefault": True,
    }
    path.write_text(json.dumps({"portfolios": [portfolio]}))


def version_of(source: FileSource) -> int:
    outcome = source([CUSTOMER])[CUSTOMER]
    assert isinstance(outcome, Found)
    return outcome.portfolios[0].version


def test_a_batch_gets_one_outcome_for_each_customer(path: Path) -> None:
    write(path, 1)
    outcomes = FileSource(path)([CUSTOMER, STRANGER])
    assert list(outcomes) == [CUSTOMER, STRANGER]
    assert isinstance(outcomes[CUSTOMER], Found)
    assert outcomes[STRANGER] == UnknownCustomer()


def test_a_change_is_seen_after_a_second_and_not_looked_for_before(path: Path, clock: Clock) -> None:
    write(path, 1)
    source = FileSource(path, clock)
    assert version_of(source) == 1
    write(path, 22)
    clock.now += 0.99
    assert version_of(source) == 1
    clock.now += 0.01
    assert version_of(source) == 22


def test_a_file_put_in_its_place_is_seen_even_with_the_same_size_and_time(path: Path, clock: Clock) -> None:
    write(path, 1)
    source = FileSource(path, clock)
    assert version_of(source) == 1
    other = path.with_name("new.json")
    write(other, 2)
    before = path.stat()
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(path)
    clock.now += 1
    assert version_of(source) == 2


def test_an_unchanged_file_is_not_read_again(path: Path, clock: Clock) -> None:
    write(path, 1)
    source = FileSource(path, clock)
    with capture_logs() as logs:
        first = source([CUSTOMER])[CUSTOMER]
        clock.now += 5
        assert source([CUSTOMER])[CUSTOMER] is first
    assert [line["event"] for line in logs] == ["portfolio_file_read"]


@pytest.mark.parametrize("broken", ["{", '{"portfolios": [{"name": "Bakery"}]}', None])
def test_what_breaks_later_is_logged_once_and_the_last_good_one_served(
    path: Path, clock: Clock, broken: str | None
) -> None:
    write(path, 1)
    source = FileSource(path, clock)
    assert version_of(source) == 1
    if broken is None:
        path.unlink()
    else:
        path.write_text(broken)
    with capture_logs() as logs:
        for _ in range(3):
            clock.now += 1
            assert version_of(source) == 1
    assert [(line["event"], line["log_level"], line["serving_last_good"]) for line in logs] == [
        ("portfolio_file_wrong", "warning", True)
    ]
    write(path, 3)
    clock.now += 1
    assert version_of(source) == 3


def test_a_file_that_is_absent_from_the_start_makes_every_lookup_unavailable_until_it_is_there(
    path: Path, clock: Clock
) -> None:
    source = FileSource(path, clock)
    reason = f"The portfolio file {path} cannot be read: No such file or directory."
    assert source([CUSTOMER, STRANGER]) == {CUSTOMER: Unavailable(reason), STRANGER: Unavailable(reason)}
    write(path, 1)
    clock.now += 1
    assert version_of(source) == 1


def test_a_file_that_is_broken_from_the_start_says_why(path: Path) -> None:
    write(path, 1, uid="no uuid")
    assert FileSource(path)([CUSTOMER])[CUSTOMER] == Unavailable(
        f"The portfolio file {path} is wrong: "
        "portfolio 1 (Bakery), portfolioUid: must be a UUID in lower case with hyphens."
    )


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    outcome = FileSource(tmp_path)([CUSTOMER])[CUSTOMER]
    assert isinstance(outcome, Unavailable)
