"""Deliverers over one log, on both databases: in order, at least once, whoever is killed, paused or overtaken."""

import ipaddress
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import Any

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import select, update

from hardware_orders import canonical
from hardware_orders.database import Database
from hardware_orders.delivery import log, numbering
from hardware_orders.delivery.webhooks import claims, deliverer, endpoints, retries, sending
from hardware_orders.delivery.webhooks.attempts import newest
from hardware_orders.delivery.webhooks.deliverer import Deliverer
from hardware_orders.delivery.webhooks.endpoint_secrets import Secrets, UnreadableSecretError
from hardware_orders.delivery.webhooks.endpoints import Endpoint
from hardware_orders.settings import Network
from hardware_orders.tables import operations, webhook_endpoints
from tests import receivers
from tests.database.test_locks import ANN, CUSTOMER, accepted
from tests.receivers import Receiver, receiver
from tests.system import eventually

LOOPBACK: tuple[Network, ...] = (ipaddress.ip_network("127.0.0.0/8"),)
KEY = Fernet.generate_key()
SECRETS = Secrets([KEY])
C = webhook_endpoints.c


def endpoint(database: Database, to: Receiver, customers: Sequence[str] | None = None, *types: str) -> str:
    wanted = endpoints.columns(customers, types, url=to.url)
    return endpoints.create(database, SECRETS, ANN, wanted)[0]


def happened(database: Database, count: int) -> None:
    accepted(database, count)
    while numbering.number(database):
        pass


def standing(database: Database, endpoint_id: str) -> Endpoint:
    with database.read() as connection:
        return endpoints.get(connection, endpoint_id, None)


def attempted(database: Database, endpoint_id: str) -> list[dict[str, Any]]:
    with database.read() as connection:
        return newest(connection, endpoint_id, 1_000, None)


def write(database: Database, **values: Any) -> None:
    with database.write() as connection:
        connection.execute(update(webhook_endpoints).values(**values))


def a_deliverer(database: Database) -> Deliverer:
    return Deliverer(database, SECRETS, LOOPBACK)


def delivered(one: Deliverer) -> None:
    """A pass, and what comes of it."""
    one.look()
    assert one.settle(20)


@contextmanager
def running(*all_of_them: Deliverer) -> Iterator[None]:
    threads = [threading.Thread(target=one.run) for one in all_of_them]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for one in all_of_them:
            one.stop()
        for thread in threads:
            thread.join()


def firsts(positions: Sequence[int]) -> list[int]:
    return list(dict.fromkeys(positions))


def test_several_deliverers_send_to_each_in_order_even_when_claims_are_lost(database_url: str) -> None:
    databases = [Database(database_url) for _ in range(3)]

    def lose_claims() -> None:
        # As if every deliverer were paused for longer than its claim, again and again; then no more, so that it ends.
        for _ in range(20):
            time.sleep(0.05)
            write(databases[0], claimed_until=None)

    with ExitStack() as stack:
        there = [stack.enter_context(receiver()) for _ in range(3)]
        for to in there:
            endpoint(databases[0], to)
        thief = threading.Thread(target=lose_claims)
        thief.start()
        with running(*(a_deliverer(one) for one in databases)):
            for _ in range(6):
                happened(databases[0], 10)
            eventually(lambda: all(len(set(to.positions)) == 60 for to in there), 40)
            thief.join()
        for to in there:
            assert firsts(to.positions) == list(range(1, 61))
    for one in databases:
        one.dispose()


def test_killed_between_sending_and_writing_it_down_sends_again_and_passes_over_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with receiver() as there:
        endpoint_id = endpoint(database, there)
        happened(database, 5)
        killed = a_deliverer(database)
        monkeypatch.setattr(killed, "_record", lambda *_made, **_more: None)
        delivered(killed)
        assert there.positions == [1, 2, 3, 4, 5]
        other = a_deliverer(database)
        delivered(other)
        assert len(there.positions) == 5  # its claim holds still
        assert standing(database, endpoint_id).position == 0
        write(database, claimed_until=None)
        happened(database, 2)
        delivered(other)
    assert there.positions == [1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 6, 7]
    ids = [headers["webhook-id"] for headers, _ in there.came]
    assert ids[:5] == ids[5:10]
    assert standing(database, endpoint_id).position == 7


def test_who_was_overtaken_moves_nothing(database: Database) -> None:
    with receiver() as there:
        endpoint_id = endpoint(database, there)
        happened(database, 3)
        with database.read() as connection:
            (seen,), _ = claims.waiting(connection, database)
        held = claims.claim(database, seen)
        assert held is not None
        assert claims.claim(database, seen) is None
        endpoints.replay(database, ANN, endpoint_id, None, 2)
        assert not claims.record(database, held, 1, [], failed_before=0)
        claims.advance(database, seen, 1)
    assert standing(database, endpoint_id).position == 2


def test_a_failure_stops_the_order_and_is_tried_again_later_and_given_up_after_three_days(database: Database) -> None:
    with receiver(receivers.status(500)) as there:
        endpoint_id = endpoint(database, there)
        happened(database, 2)
        one = a_deliverer(database)
        delivered(one)
        delivered(one)
        failed = standing(database, endpoint_id)
        assert (there.positions, failed.position, failed.attempts) == ([1], 0, 1)
        assert timedelta(0) < failed.due_at - (failed.failing_since or failed.due_at) <= timedelta(seconds=6)
        for attempts in range(2, 4):
            write(database, due_at=failed.created_at)
            delivered(one)
            assert standing(database, endpoint_id).attempts == attempts
        write(database, due_at=failed.created_at, failing_since=failed.created_at - retries.GIVE_UP_AFTER)
        delivered(one)
        given_up = standing(database, endpoint_id)
        assert (given_up.paused_reason, given_up.position) == (endpoints.Reason.FAILING, 0)
        happened(database, 1)
        delivered(one)
        there.answer = receivers.status(200)
        assert there.positions == [1, 1, 1, 1]
        endpoints.change(database, ANN, endpoint_id, None, {"paused_reason": None})
        delivered(one)
    assert there.positions[4:] == [1, 2, 3]
    assert {row["status"] for row in attempted(database, endpoint_id)} == {500, 200}
    with database.read() as connection:
        details = connection.execute(select(operations.c.details).where(operations.c.action == "webhook.paused"))
        assert details.scalars().all() == [canonical.text({"position": 0, "reason": "FAILING"})]


def test_the_last_attempt_is_made_when_the_three_days_end(database: Database) -> None:
    with receiver(receivers.status(503, "Retry-After: 21600")) as there:
        endpoint_id = endpoint(database, there)
        happened(database, 1)
        began = standing(database, endpoint_id).created_at - retries.GIVE_UP_AFTER + timedelta(hours=1)
        write(database, failing_since=began, attempts=9)
        delivered(a_deliverer(database))
    assert standing(database, endpoint_id).due_at == began + retries.GIVE_UP_AFTER


def test_bad_receivers_take_only_their_share_of_the_senders(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "DEADLINE_SECONDS", 1.0)
    monkeypatch.setattr(retries, "DELAYS_SECONDS", (0.01,))
    bad_ones = [receivers.silent, receivers.drip, receivers.huge, receivers.closing, receivers.status(500)]
    with ExitStack() as stack:
        good = stack.enter_context(receiver())
        bad = [stack.enter_context(receiver(bad_ones[number % 5])) for number in range(20)]
        silent = [stack.enter_context(receiver(receivers.silent)) for _ in range(19)]
        for to in bad:
            endpoint(database, to, [CUSTOMER])
        for to in silent:
            endpoint(database, to)
        one = a_deliverer(database)
        most = 0
        happened(database, 1)
        with running(one):
            # Everybody is known by now: each has failed, but for those whose answers are good and too long.
            eventually(lambda: all(to.came for to in (*bad, *silent)), 30)
            eventually(lambda: one.settle(0) or sum(one._busy.values()) >= deliverer.SUSPECTS_MOST, 30)
            endpoint(database, good)
            happened(database, 50)
            while len(good.positions) < 50:
                most = max(most, sum(one._busy.values()))
                assert len(one._busy) <= deliverer.SENDERS_MOST
                time.sleep(0.01)
        assert good.positions == list(range(2, 52))
        assert 0 < most <= deliverer.SUSPECTS_MOST


def test_only_events_of_the_customers_and_types_are_sent_and_the_others_passed_over(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims, "SCAN_POSITIONS", 10)
    monkeypatch.setattr(deliverer, "SCAN_POSITIONS", 10)
    with receiver() as mine, receiver() as others, receiver() as other_type:
        endpoint_id = endpoint(database, mine, [CUSTOMER], "order.received")
        nobodys = endpoint(database, others, [str(uuid.uuid4())])
        endpoint(database, other_type, None, "order.cancelled")
        happened(database, 35)
        one = a_deliverer(database)
        for _ in range(8):
            delivered(one)
    assert mine.positions == list(range(1, 36))
    assert (others.came, other_type.came) == ([], [])
    assert standing(database, endpoint_id).position == 35
    # Written down now and then, so that a relay that starts need not look at everything again.
    assert standing(database, nobodys).position >= 25
    with database.read() as connection:
        assert log.last_position(connection) == 35


def test_keys_are_renewed_and_a_secret_of_a_lost_key_is_said(database: Database) -> None:
    other_key = Fernet.generate_key()
    with receiver() as there:
        endpoint_id = endpoint(database, there)
        happened(database, 1)
        lost = Deliverer(database, Secrets([other_key]), LOOPBACK)
        delivered(lost)
        assert (there.came, attempted(database, endpoint_id)[0]["error"]) == ([], "secret_unreadable")
        assert endpoints.encrypt_anew(database, Secrets([other_key])) == (1, 1)
        assert endpoints.encrypt_anew(database, Secrets([other_key, KEY])) == (1, 0)
        with database.read() as connection, pytest.raises(UnreadableSecretError):
            endpoints.signing(connection, database, endpoint_id, SECRETS)
        write(database, due_at=standing(database, endpoint_id).created_at)
        delivered(lost)
    assert there.positions == [1]
