"""The client of the events' Redis on threads: every step ends in time, and trying again is the caller's own business."""

import redis

# Redis is near; one that does not take a connection within this is away.
CONNECT_SECONDS = 1.0


def bounded(events_url: str, seconds: float) -> redis.Redis:
    """A client whose every answer is waited for at most so many seconds. Connects when it is first used."""
    return redis.Redis.from_url(
        events_url, socket_connect_timeout=CONNECT_SECONDS, socket_timeout=seconds, retry=None, retry_on_error=[]
    )
