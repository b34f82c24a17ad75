"""A sample as rows: written once a second by whichever relay is first, and read by the processes that show it."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, bindparam, delete, func, select, text

from hardware_orders import canonical
from hardware_orders.tables import samples

# What is kept: as far back as the charts go.
KEPT_SECONDS = 3600
# A chart of an hour is some 400 points wide.
STEP_SECONDS = 10

_INSERT = text("INSERT INTO samples (second, data) VALUES (:second, :data) ON CONFLICT (second) DO NOTHING")
_NEWEST = select(samples).order_by(samples.c.second.desc()).limit(1)
# The newest stays whatever its age: the next one counts on from it.
_FORGET = delete(samples).where(
    samples.c.second < bindparam("before"), samples.c.second < select(func.max(samples.c.second)).scalar_subquery()
)
_LAST_OF_EACH_STEP = (
    select(func.max(samples.c.second))
    .where(samples.c.second > bindparam("after"))
    .group_by(samples.c.second - samples.c.second % STEP_SECONDS)
)
_HISTORY = select(samples).where(samples.c.second.in_(_LAST_OF_EACH_STEP)).order_by(samples.c.second)


class Sample(NamedTuple):
    """How the system stood in one second.

    `data`: `position`, `statuses`, `received`, `settled` as in `status_counts.Counts`; `last`, the highest position
    given; `published`, the stream's (null while Redis is away); `unnumbered` and `waiting` (`count`, at most `COUNT_MOST`,
    and `oldest` in seconds); `waits` and `latency` (`p50`, `p95`, `p99` in seconds); `stalled`, those who wait for
    longer than `stalledAfter` seconds; `parked`, a count by code;
    `webhooks` as `endpoints.summary` and `portfolios` as `PortfolioState.read` have them;
    and `workers`, each with `name`, `active`, `processed` and `silent` in seconds.
    """

    second: int
    data: dict[str, Any]


def newest(connection: Connection) -> Sample | None:
    """The newest there is, whatever its age."""
    row = connection.execute(_NEWEST).one_or_none()
    return Sample(row.second, orjson.loads(row.data)) if row else None


def history(connection: Connection, after: int) -> Sequence[Sample]:
    """The last sample of each step behind this second, oldest first."""
    return [Sample(row.second, orjson.loads(row.data)) for row in connection.execute(_HISTORY, {"after": after})]


def add(connection: Connection, sample: Sample) -> bool:
    """Write it; False when another relay has written one of the same second."""
    result = connection.execute(_INSERT, {"second": sample.second, "data": canonical.text(sample.data)})
    return result.rowcount == 1


def forget(connection: Connection, before: int) -> None:
    """Remove what is older than this second."""
    connection.execute(_FORGET, {"before": before})
