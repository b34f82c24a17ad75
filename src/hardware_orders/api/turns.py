"""Turns at what only so many requests may do at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from hardware_orders.api.problems import Problem

# As long as a request waits for a connection of the database.
TURN_SECONDS = 1


@asynccontextmanager
async def turn(places: asyncio.Semaphore, what: str, seconds: float | None = None) -> AsyncIterator[None]:
    """Wait on the event loop, where it takes no thread, until fewer are busy. Raises Problem 503 after a second."""
    try:
        async with asyncio.timeout(seconds or TURN_SECONDS):
            await places.acquire()
    except TimeoutError:
        raise Problem(503, f"Too many {what} are running; send this one again in a moment.") from None
    try:
        yield
    finally:
        places.release()
