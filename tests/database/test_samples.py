"""Samples: counts that follow the log, one row a second whoever writes it, and no more of them than an hour's."""

import uuid
from collections import Counter
from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from hardware_orders import identifiers
from hardware_orders.actor import Actor
from hardware_orders.database import Database
from hardware_orders.delivery import log, numbering
from hardware_orders.delivery.pulse import Pulse
from hardware_orders.intake.group_commit import Request, store_by_halves
from hardware_orders.orders import change, process
from hardware_orders.orders.commands import Cancel, Command, Discard, Progress, Receive, Replace, Submit
from hardware_orders.orders.status import SHIPPED, Intent, State
from hardware_orders.portfolio.lookup import Outcome, UnknownCustomer
from hardware_orders.sampling import sample, status_counts
from hardware_orders.sampling.portfolio_state import PortfolioState
from hardware_orders.sampling.sample import KEPT_SECONDS, Sample
from hardware_orders.sampling.sampler import Sampler, percentiles
from hardware_orders.sampling.status_counts import NOTHING, Counts
from hardware_orders.tables import orders, samples

ANN = Actor("00000000-0000-4000-8000-00000000000a", "Ann")
NOWHERE = "redis://127.0.0.1:1"


def unknown(customers: Collection[str]) -> Mapping[str, Outcome]:
    return dict.fromkeys(customers, UnknownCustomer())


def received(database: Database, intent: Intent = Intent.SUBMIT, *, simplified: bool = False) -> str:
    body = {"orderReference": "R-1", "customerEntityUid": str(uuid.uuid4())}
    sent = f'{{"orderReference":"R-1","customerEntityUid":"{body["customerEntityUid"]}"}}'
    command = Receive(identifiers.new(), sent, body, intent, simplified=simplified, actor=ANN)
    store_by_halves(database, [Request(command, None)])
    return command.order_id


def settled(database: Database, *order_ids: str) -> None:
    process.settle(database, unknown, list(order_ids), swept=False, max_attempts=4)


def changed(database: Database, order_id: str, command: Command) -> None:
    change.change(database, order_id, None, command)


def numbered(database: Database) -> int:
    while numbering.number(database):
        pass
    with database.read() as connection:
        return log.last_position(connection)


def replacement(database: Database, order_id: str) -> Replace:
    with database.read() as connection:
        order = change.get(connection, order_id, None)
    return Replace(order.sent, order.body, ANN)


def a_life_of_everything(database: Database) -> None:
    received(database)
    waits_as_draft = received(database, Intent.DRAFT)
    changed(database, waits_as_draft, replacement(database, waits_as_draft))  # RECEIVED, and stays so
    draft, discarded, resubmitted = (received(database, Intent.DRAFT) for _ in range(3))
    parked, mended = (received(database, simplified=True) for _ in range(2))
    shipped, cancelled = (received(database) for _ in range(2))
    settled(database, draft, discarded, resubmitted, parked, mended, shipped, cancelled)
    changed(database, draft, replacement(database, draft))
    changed(database, discarded, Discard(ANN))
    changed(database, resubmitted, replacement(database, resubmitted))
    changed(database, resubmitted, Submit(ANN))
    settled(database, resubmitted)
    changed(database, mended, replacement(database, mended))
    for state in (State.of("INPROGRESS", None), SHIPPED, State.of("ONHOLD", None)):
        changed(database, shipped, Progress(state, None, None, None, None, ANN))
    changed(database, cancelled, Cancel("OTHER", None, ANN))


def test_counts_follow_the_log_to_what_counting_the_orders_would_give(database: Database) -> None:
    a_life_of_everything(database)
    last = numbered(database)
    with database.read() as connection:
        by_status = (
            select(orders.c.status, func.count().label("found"))
            .where(orders.c.discarded_at.is_(None))
            .group_by(orders.c.status)
        )
        truth = {row.status: row.found for row in connection.execute(by_status)}
        at_once = status_counts.advanced(connection, NOTHING, last)
        by_one = NOTHING
        for position in range(1, last + 1):
            by_one = status_counts.advanced(connection, by_one, position)
    assert at_once == by_one == Counts(last, truth, received=9, settled=8)
    assert truth == Counter(RECEIVED=2, DRAFT=2, SUBMITTED=1, ONHOLD=2, CANCELLED=1)


def test_a_long_log_is_counted_over_several_samples(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status_counts, "EVENTS_MOST", 3)
    settled(database, *(received(database) for _ in range(4)))
    last = numbered(database)
    with database.read() as connection:
        counts = status_counts.advanced(connection, NOTHING, last)
        assert counts.position == 3
        while counts.position < last:
            counts = status_counts.advanced(connection, counts, last)
    assert counts == Counts(8, {"SUBMITTED": 4}, received=4, settled=4)


def test_a_second_has_one_sample_whoever_takes_it(database: Database) -> None:
    settled(database, received(database, simplified=True))
    received(database)
    numbered(database)
    one, other = (
        Sampler(database, Pulse(NOWHERE), PortfolioState(None, NOWHERE), timedelta(minutes=1)) for _ in range(2)
    )
    took = [one.take(), other.take(), one.take()]
    with database.read() as connection:
        rows = connection.execute(select(samples.c.second)).scalars().all()
        newest = sample.newest(connection)
    assert took.count(True) == len(rows) == len(set(rows))
    assert newest is not None
    told = newest.data
    assert (told["statuses"], told["parked"]) == ({"ONHOLD": 1, "RECEIVED": 1}, {"UNKNOWN_CUSTOMER": 1})
    assert (told["waiting"]["count"], told["unnumbered"]["count"], told["last"]) == (1, 0, 3)
    assert (told["workers"], told["published"]) == (None, None)  # nobody could ask
    assert told["latency"]["p50"] > 0


def test_of_two_writers_of_a_second_one_writes(database: Database) -> None:
    with database.write() as connection:
        assert sample.add(connection, Sample(7, {"by": "one"}))
        assert not sample.add(connection, Sample(7, {"by": "other"}))
        assert sample.newest(connection) == Sample(7, {"by": "one"})


def test_an_hour_is_kept_and_always_the_newest(database: Database) -> None:
    with database.write() as connection:
        for second in (1, 5, KEPT_SECONDS + 5):
            sample.add(connection, Sample(second, {}))
        sample.forget(connection, 5)
        assert connection.execute(select(samples.c.second)).scalars().all() == [5, KEPT_SECONDS + 5]
        sample.forget(connection, 10 * KEPT_SECONDS)
        assert connection.execute(select(samples.c.second)).scalars().all() == [KEPT_SECONDS + 5]


def test_history_is_the_last_sample_of_each_step(database: Database) -> None:
    with database.write() as connection:
        for second in (99, 100, 105, 109, 111, 125):
            sample.add(connection, Sample(second, {"of": second}))
    with database.read() as connection:
        assert [found.second for found in sample.history(connection, 0)] == [99, 109, 111, 125]
        assert [found.data["of"] for found in sample.history(connection, 109)] == [111, 125]


def test_a_restored_log_is_counted_anew(database: Database) -> None:
    settled(database, received(database))
    numbered(database)
    with database.write() as connection:
        sample.add(connection, Sample(1, Counts(900, {"DRAFT": 5}, 6, 7)._asdict()))
    Sampler(database, Pulse(NOWHERE), PortfolioState(None, NOWHERE), timedelta(minutes=1)).take()
    with database.read() as connection:
        newest = sample.newest(connection)
    assert newest is not None
    assert newest.data["statuses"] == {"SUBMITTED": 1}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], (None, None, None)),
        ([3.0], (3.0, 3.0, 3.0)),
        ([4.0, 1.0, 3.0, 2.0], (2.0, 4.0, 4.0)),
        ([float(n) for n in range(1, 201)], (100.0, 190.0, 198.0)),
    ],
)
def test_percentiles_by_nearest_rank(values: list[float], expected: tuple[Any, ...]) -> None:
    assert tuple(percentiles(values).values()) == expected
