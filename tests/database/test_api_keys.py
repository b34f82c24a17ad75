"""API keys in the database: what is stored of them, which are good, and when they end."""

import hashlib
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from hardware_orders import api_keys
from hardware_orders.api_keys import USED_EVERY, ApiKey
from hardware_orders.database import Database
from hardware_orders.tables import api_keys as table

CUSTOMER = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"
NOBODY = "00000000-0000-4000-8000-000000000000"


def a_key(database: Database, *, days: float | None = None) -> tuple[ApiKey, str]:
    return api_keys.create(database, name="Shop", entities=[CUSTOMER], roles=["orders:write"], days=days)


def used_at(database: Database) -> object:
    (key,) = api_keys.read_all(database)
    return key.last_used_at


def test_a_key_is_found_by_its_text(database: Database) -> None:
    made, text = a_key(database, days=2)
    found = api_keys.find(database, text)
    assert found is not None
    key, seconds = found
    assert (key.name, key.entities, key.roles) == ("Shop", (CUSTOMER,), ("orders:write",))
    assert (key, text.split("_")[:2]) == (made, ["hw", made.key_id])
    assert made.expires_at == made.created_at + timedelta(days=2)
    assert timedelta(days=1).total_seconds() < seconds <= timedelta(days=2).total_seconds()


def test_only_the_digest_is_stored(database: Database) -> None:
    _, text = a_key(database)
    with database.read() as connection:
        row = connection.execute(select(table)).one()
    assert row.digest == hashlib.sha256(text.encode()).hexdigest()
    assert text.rpartition("_")[2] not in repr(row)


def test_two_keys_are_no_two_halves(database: Database) -> None:
    (mine, my_text), (_, other_text) = a_key(database), a_key(database)
    crossed = my_text[:-43] + other_text[-43:]
    changed = my_text[:-1] + ("A" if my_text[-1] != "A" else "B")
    unknown = my_text.replace(mine.key_id, NOBODY)
    assert my_text != other_text
    assert [api_keys.find(database, text) for text in (crossed, changed, unknown)] == [None] * 3


@pytest.mark.parametrize(
    "text",
    ["", "hw_", "hw__", f"hw_{NOBODY}_", f"hw_{NOBODY}_{'x' * 44}", f"HW_{NOBODY}_{'x' * 43}", f"hw_1_{'x' * 43}"],
)
def test_what_is_no_key_does_not_reach_the_database(text: str) -> None:
    assert api_keys.find(Database("sqlite:////nowhere/at/all.db"), text) is None


def test_a_revoked_key_stays_revoked(database: Database) -> None:
    made, text = a_key(database)
    once, twice = api_keys.revoke(database, made.key_id), api_keys.revoke(database, made.key_id)
    assert once is not None
    assert once.revoked_at is not None
    assert twice == once
    assert api_keys.find(database, text) is None


@pytest.mark.parametrize("key_id", [NOBODY, "", "x", "0" * 36])
def test_nothing_to_revoke(database: Database, key_id: str) -> None:
    a_key(database)
    assert api_keys.revoke(database, key_id) is None


def test_a_key_that_has_expired(database: Database) -> None:
    _, text = a_key(database, days=-0.001)
    assert api_keys.find(database, text) is None


def test_whether_anybody_could_sign_in(database: Database) -> None:
    assert not api_keys.is_any_good(database)
    a_key(database, days=-1)
    assert not api_keys.is_any_good(database)
    made, _ = a_key(database)
    assert api_keys.is_any_good(database)
    api_keys.revoke(database, made.key_id)
    assert not api_keys.is_any_good(database)


def test_use_is_written_once_an_hour(database: Database) -> None:
    made, text = a_key(database)
    assert used_at(database) is None
    api_keys.find(database, text)
    first = used_at(database)
    assert first is not None
    api_keys.find(database, text)
    assert used_at(database) == first
    with database.write() as connection:
        connection.execute(update(table).values(last_used_at=made.created_at - USED_EVERY))
    api_keys.find(database, text)
    used_again = used_at(database)
    assert isinstance(used_again, type(made.created_at))
    assert used_again >= made.created_at
