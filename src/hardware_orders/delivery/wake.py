"""What is said over Redis pub/sub: "events wait" to the relays, "these are settled" to the API processes.

Both may be lost: the relay passes every second anyway, and a waiter reads the row at its deadline.
"""

import json
from collections.abc import Sequence

import redis
import structlog

log = structlog.get_logger()

RELAY_CHANNEL = "hardware-orders:relay"
REPLY_CHANNEL = "hardware-orders:replies:"  # followed by the API process's own id
# Nobody waits longer for Redis than this, least of all a worker between two batches.
SPEAK_SECONDS = 1.0


class Herald:
    """Publishes both, over one bounded connection. While Redis is away it stays silent."""

    def __init__(self, events_url: str) -> None:
        self._redis = redis.Redis.from_url(
            events_url,
            socket_connect_timeout=SPEAK_SECONDS,
            socket_timeout=SPEAK_SECONDS,
            retry=None,
            retry_on_error=[],
        )

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
