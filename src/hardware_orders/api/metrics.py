"""`/metrics`: how the whole system stands, for Prometheus. Totals alone: no customer, no person, no order."""

import asyncio
import time

from fastapi import APIRouter, Request
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from hardware_orders.api import answers, at_this_machine
from hardware_orders.api.authentication import Role
from hardware_orders.api.context import context
from hardware_orders.api.problems import Problem
from hardware_orders.sampling.scrape import Scrape

# There is a sample a second: whoever asks sooner gets what the one before got.
FRESH_SECONDS = 1.0
_OF_ALL = Problem(403, "The metrics are of the whole system: the token must be for all customers (`*`).")

router = APIRouter(include_in_schema=False)


class Metrics:
    """The metrics of one process, on its event loop. `is_open`: who is at this machine needs no token."""

    def __init__(self, scrape: Scrape, *, is_open: bool) -> None:
        self.is_open = is_open
        self._scrape = scrape
        self._reading = asyncio.Lock()
        self._text = b""
        self._read_at = -FRESH_SECONDS

    async def text(self) -> bytes:
        """Read at most once in FRESH_SECONDS, however many ask."""
        async with self._reading:
            if time.monotonic() - self._read_at >= FRESH_SECONDS:
                self._text = await run_in_threadpool(self._scrape.text)
                self._read_at = time.monotonic()
            return self._text

    def close(self) -> None:
        self._scrape.close()


@router.get("/metrics")
async def metrics(request: Request) -> Response:
    """A scrape. Orders may be read by whoever may scrape, so that the key of a scraper need not change anything."""
    found: Metrics = request.app.state.metrics
    if not (found.is_open and at_this_machine.asks(request)):
        principal = context(request).authenticator.principal(request, Role.ADMIN, Role.ORDERS_READ)
        if principal.entities is not None:
            raise _OF_ALL
    return Response(await found.text(), headers=answers.NO_STORE, media_type=CONTENT_TYPE_PLAIN_0_0_4)
