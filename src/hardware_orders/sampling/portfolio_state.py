"""Where portfolios come from, and how a Portfolio Service does, as a sample has it."""

from typing import Any

import redis

from hardware_orders.delivery import redis_client
from hardware_orders.portfolio import service_state
from hardware_orders.portfolio.service_url import is_service_url

# A sample is taken once a second, and must not wait long for what is only shown.
ANSWER_SECONDS = 0.2


class PortfolioState:
    """For one thread."""

    def __init__(self, portfolio_url: str | None, events_url: str) -> None:
        self._url = portfolio_url.rstrip("/") if portfolio_url else None
        self._redis = redis_client.bounded(events_url, ANSWER_SECONDS)

    def read(self) -> dict[str, Any]:
        """`source` is `none`, `file` or `service`; of a service also its `state`, null while Redis is away."""
        if self._url is None:
            return {"source": "none"}
        if not is_service_url(self._url):
            return {"source": "file"}
        try:
            state = service_state.state(self._redis, self._url)
        except (redis.RedisError, OSError):
            return {"source": "service", "state": None}
        since = state.since.timestamp() if state.since else None
        return {"source": "service", "state": {**state._asdict(), "since": since}}
