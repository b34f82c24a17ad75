"""The sweep on a real broker: whom it rings for, how, and when it keeps still."""

import json
from base64 import b64decode
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import redis
from sqlalchemy import update

from hardware_orders.broker import ORDERS_QUEUE, Ringer
from hardware_orders.database import Database
from hardware_orders.intake.sweep import GRACE_SECONDS, TOGETHER_ORDERS, sweep
from hardware_orders.tables import orders
from tests.backends import valkey
from tests.database.test_locks import accepted, settle


@pytest.fixture
def broker_url() -> Iterator[str]:
    with valkey() as url:
        yield url.replace("unix://", "redis+socket://").replace("?db=", "?virtual_host=")


def make_overdue(database: Database, *order_ids: str, attempts: int = 0) -> None:
    with database.write() as connection:
        due_at = database.now(connection) - timedelta(seconds=GRACE_SECONDS * 2)
        chosen = update(orders).where(orders.c.order_id.in_(order_ids))
        connection.execute(chosen.values(due_at=due_at, attempts=attempts))


def queued(broker_url: str) -> list[dict[str, Any]]:
    """The bells in the queue, the oldest first, which are taken out of it."""
    with redis.Redis.from_url(
        broker_url.replace("redis+socket://", "unix://").replace("?virtual_host=", "?db=")
    ) as client:
        messages: Any = client.lrange(ORDERS_QUEUE, 0, -1)
        client.delete(ORDERS_QUEUE)
    return [json.loads(b64decode(json.loads(message)["body"]))[1] for message in reversed(messages)]


def test_it_rings_for_what_is_overdue_and_for_nothing_else(database: Database, broker_url: str) -> None:
    ringer = Ringer(broker_url)
    overdue, recent, settled = (accepted(database, 1)[0] for _ in range(3))
    settle(database, [settled])
    assert sweep(database, ringer) == 0
    make_overdue(database, overdue)
    assert sweep(database, ringer) == 1
    assert queued(broker_url) == [{"schema": 1, "ids": [overdue], "swept": True, "reply_to": None}]
    assert recent not in {overdue, settled}
    ringer.close()


def test_it_keeps_still_while_bells_are_queued(database: Database, broker_url: str) -> None:
    ringer = Ringer(broker_url)
    make_overdue(database, *accepted(database, 3))
    assert [sweep(database, ringer) for _ in range(3)] == [3, 0, 0]
    assert len(queued(broker_url)) == 1
    assert sweep(database, ringer) == 3
    ringer.close()


def test_who_has_an_attempt_behind_it_is_rung_for_alone(database: Database, broker_url: str) -> None:
    ringer = Ringer(broker_url)
    fresh, tried = accepted(database, TOGETHER_ORDERS + 1), accepted(database, 2)
    make_overdue(database, *fresh)
    make_overdue(database, *tried, attempts=1)
    assert sweep(database, ringer) == TOGETHER_ORDERS + 3
    sizes = [len(bell["ids"]) for bell in queued(broker_url)]
    assert sizes == [TOGETHER_ORDERS, 1, 1, 1]
    ringer.close()
