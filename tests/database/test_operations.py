import pytest

from hardware_orders import operations
from hardware_orders.actor import SERVICE, Actor
from hardware_orders.database import Database

ADA = Actor("7", "Ada")


def test_rows_are_read_newest_first_and_by_pages(database: Database) -> None:
    with database.write() as connection:
        operations.record(connection, SERVICE, "batch.settled", "b-1", orders=3)
        operations.record(connection, ADA, "orders.retried", count=2)
    with database.read() as connection:
        newest, oldest = operations.newest(connection, 10)
        assert operations.newest(connection, 1) == [newest]
        assert operations.newest(connection, 10, before=newest["id"]) == [oldest]
    assert (oldest["action"], oldest["subject"], oldest["details"]) == ("batch.settled", "b-1", '{"orders":3}')
    assert (newest["subject"], Actor.from_text(newest["actor"])) == (None, ADA)
    assert oldest["occurred_at"] <= newest["occurred_at"]


def test_what_is_rolled_back_was_not_done(database: Database) -> None:
    with pytest.raises(OSError, match="gone"):
        record_and_fail(database)
    with database.read() as connection:
        assert operations.newest(connection, 10) == []


def record_and_fail(database: Database) -> None:
    with database.write() as connection:
        operations.record(connection, ADA, "orders.retried")
        raise OSError("gone")
