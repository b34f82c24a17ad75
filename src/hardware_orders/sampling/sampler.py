"""Takes a sample of the whole system: what it costs depends on what happens, not on how much there is."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select

from hardware_orders.database import Database
from hardware_orders.delivery import log
from hardware_orders.delivery.pulse import Pulse
from hardware_orders.delivery.webhooks import endpoints
from hardware_orders.orders import parked
from hardware_orders.orders.status import EventType
from hardware_orders.sampling import sample, status_counts
from hardware_orders.sampling.portfolio_state import PortfolioState
from hardware_orders.sampling.sample import Sample
from hardware_orders.sampling.status_counts import NOTHING, Counts
from hardware_orders.tables import order_events, orders

INTERVAL_SECONDS = 1.0
# Who reads "10,000" need not know how many more; counting a million of them would take a tenth of a second.
COUNT_MOST = 10_000
# Whose waits are looked at one by one: enough for a 99th percentile, and a millisecond to read.
LOOKED_AT_MOST = 500
# Latency is of what was settled last: in a quiet second there may have been nothing.
LATENCY_SECONDS = 10
LATENCY_EVENTS = 5_000
# A round of forgetting is one short statement; once a minute, that many rows are too old.
FORGET_EVERY = 60

_event, _first = order_events.alias("event"), order_events.alias("first")
_UNNUMBERED = (
    select(order_events.c.id, order_events.c.occurred_at)
    .where(order_events.c.position.is_(None))
    .order_by(order_events.c.id)
)
_COUNT_UNNUMBERED = select(func.count()).select_from(_UNNUMBERED.limit(COUNT_MOST).subquery())
_OLDEST_UNNUMBERED = _UNNUMBERED.limit(1)
_WAITING = select(orders.c.due_at).where(orders.c.due_at.is_not(None)).order_by(orders.c.due_at)
_COUNT_WAITING = select(func.count()).select_from(_WAITING.limit(COUNT_MOST).subquery())
_WAITING_SINCE = _WAITING.with_only_columns(
    func.coalesce(orders.c.waiting_since, orders.c.created_date).label("since")
).limit(LOOKED_AT_MOST)
_PARKED = select(orders.c.code).where(parked.IS_PARKED).limit(COUNT_MOST).subquery("parked")
_COUNT_PARKED = select(_PARKED.c.code, func.count().label("count")).group_by(_PARKED.c.code)
_SETTLED = (
    select(_first.c.occurred_at.label("received"), _event.c.occurred_at.label("settled"))
    .join_from(_event, _first, (_first.c.order_id == _event.c.order_id) & (_first.c.sequence == 1))
    .where(
        _event.c.sequence == 2,  # noqa: PLR2004  # what becomes of a new order
        _event.c.type.in_([EventType.DRAFTED.value, EventType.SUBMITTED.value, EventType.HELD.value]),
    )
    .order_by(_event.c.position.desc())
    .limit(LOOKED_AT_MOST)
)


class Sampler:
    """For one thread. Any number of them may run: whoever is first in a second writes its sample."""

    def __init__(self, database: Database, pulse: Pulse, portfolios: PortfolioState, stalled_after: timedelta) -> None:
        """`stalled_after`: an order that waits for longer counts as stalled."""
        self._database = database
        self._pulse = pulse
        self._portfolios = portfolios
        self._stalled_after = stalled_after

    def take(self) -> bool:
        """Take the sample of this second, unless there is one. True when it was this sampler's."""
        with self._database.read() as connection:
            now = self._database.now(connection)
            second = int(now.timestamp())
            before = sample.newest(connection)
            if before is not None and before.second >= second:
                return False
            data = _looked_at(connection, before, now, self._stalled_after)
        data |= {**self._pulse.read(), "portfolios": self._portfolios.read()}
        with self._database.write() as connection:
            is_ours = sample.add(connection, Sample(second, data))
            if second % FORGET_EVERY == 0:
                sample.forget(connection, second - sample.KEPT_SECONDS)
        return is_ours


def _looked_at(
    connection: Connection, before: Sample | None, now: datetime, stalled_after: timedelta
) -> dict[str, Any]:
    last = log.last_position(connection)
    known = Counts(**{name: before.data[name] for name in Counts._fields}) if before else NOTHING
    # A log that is shorter than it was is another one, restored from a backup: it is counted anew.
    counts = status_counts.advanced(connection, known if known.position <= last else NOTHING, last)
    oldest = connection.execute(_OLDEST_UNNUMBERED).one_or_none()
    waits = [_seconds(row.since, now) for row in connection.execute(_WAITING_SINCE)]
    return {
        **counts._asdict(),
        "last": last,
        "unnumbered": {
            "count": connection.execute(_COUNT_UNNUMBERED).scalar_one() if oldest else 0,
            "oldest": _seconds(oldest.occurred_at, now) if oldest else 0,
        },
        "waiting": {
            "count": connection.execute(_COUNT_WAITING).scalar_one() if len(waits) == LOOKED_AT_MOST else len(waits),
            "oldest": max(waits, default=0),
        },
        "waits": percentiles(waits),
        "stalledAfter": stalled_after.total_seconds(),
        "stalled": sum(wait > stalled_after.total_seconds() for wait in waits),
        "latency": percentiles(_latencies(connection, last, now)),
        "webhooks": endpoints.summary(connection, last),
        "parked": {row.code or "": row.count for row in connection.execute(_COUNT_PARKED)},
    }


def _latencies(connection: Connection, last: int, now: datetime) -> list[float]:
    recent = _SETTLED.where(
        _event.c.position > last - LATENCY_EVENTS, _event.c.occurred_at > now - timedelta(seconds=LATENCY_SECONDS)
    )
    return [_seconds(row.received, row.settled) for row in connection.execute(recent)]


def _seconds(start: datetime, end: datetime) -> float:
    return round(max((end - start).total_seconds(), 0.0), 4)


def percentiles(values: Sequence[float]) -> dict[str, float | None]:
    """The 50th, 95th and 99th percentile by nearest rank; null where there are no values."""
    ranked = sorted(values)
    return {f"p{share}": ranked[-(-len(ranked) * share // 100) - 1] if ranked else None for share in (50, 95, 99)}
