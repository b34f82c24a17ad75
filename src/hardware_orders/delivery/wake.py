"""What is said over Redis pub/sub: "events wait" to the relays, "these are settled" and "there are new events" to the API.

All may be lost: relay and feed look every second anyway, and a waiter reads the row at its deadline.
"""

import json
from collections.abc import Sequence

import redis
import structlog

from hardware_orders.delivery import redis_client

log = structlog.get_logger()

RELAY_CHANNEL = "hardware-orders:relay"
NUMBERED_CHANNEL = "hardware-orders:numbered"
REPLY_CHANNEL = "hardware-orders:replies:"  # followed by the API process's own id
# Nobody waits longer for Redis than this, least of all a worker between two batches.
SPEAK_SECONDS = 1.0


class Herald:
    """Publishes both, over one bounded connection. While Redis is away it stays silent."""

    def __init__(self, events_url: str) -> None:
        self._redis = redis_client.bounded(events_url, SPEAK_SECONDS)

    def announce(self, *, wake_relay: bool, reply_to: str | None = None, order_ids: Sequence[str] = ()) -> None:
        """Wake the relays, and answer the bell of the API process behind `reply_to` with the orders settled by it.

        Never fails.
        """
        try:
            with self._redis.pipeline(transaction=False) as pipeline:
                if reply_to:
                    pipeline.publish(reply_to, json.dumps(list(order_ids)))
                if wake_relay:
                    pipeline.publish(RELAY_CHANNEL, "1")
                pipeline.execute()
        except (redis.RedisError, OSError) as error:
            log.warning("announcement_not_sent", error=type(error).__name__)
