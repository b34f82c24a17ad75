"""How the Portfolio Service does, for whoever watches: from the keys that all processes share in Redis.

Keys begin with `hardware-orders:portfolio:` and a digest of the service's address (`shared.key`):

- `away`, a hash that is there from a call that failed to one that succeeds: `failures` (one after the other), `since`
  (Unix seconds), `error` (a plain sentence about the last one);
- `counters`, a hash of what was counted since Redis was last emptied, up to a second late: `calls`, `failures` (of the
  calls), `hits` (lookups answered by what was fresh), `stale` (by an older answer, in place of a service that was away),
  `unavailable` (not answered). A lookup is of one customer, for all orders of a batch.
"""

from datetime import UTC, datetime
from typing import Any, NamedTuple

import redis

from hardware_orders.portfolio.shared import key


class ServiceState(NamedTuple):
    """`since` and `error` are those of the outage; None while there is none."""

    is_away: bool
    since: datetime | None
    error: str | None
    calls: int
    failures: int
    hits: int
    stale: int
    unavailable: int


def state(client: redis.Redis, service_url: str) -> ServiceState:
    """The state of the service at this PORTFOLIO_URL, in one round trip. Raises redis.RedisError."""
    with client.pipeline(transaction=False) as pipeline:
        pipeline.hgetall(key(service_url, "away"))
        pipeline.hgetall(key(service_url, "counters"))
        outage, counters = (_text(answer) for answer in pipeline.execute())
    since = datetime.fromtimestamp(float(outage["since"]), UTC) if "since" in outage else None
    names = ("calls", "failures", "hits", "stale", "unavailable")
    return ServiceState(bool(outage), since, outage.get("error"), *(int(counters.get(name, 0)) for name in names))


def _text(answer: Any) -> dict[str, str]:
    """A hash as text, whether the client decodes or not."""
    return {_decoded(name): _decoded(value) for name, value in answer.items()}


def _decoded(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
