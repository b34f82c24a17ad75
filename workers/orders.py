"""The queue `orders`: a bell says which orders wait, and this answers it."""

from functools import cache
from typing import Any

import structlog
from celery import signals

from hardware_orders import broker
from hardware_orders.database import Database
from hardware_orders.delivery.wake import REPLY_CHANNEL, Herald
from hardware_orders.orders import process
from hardware_orders.portfolio.source import lookup_from
from workers.app import app, configuration

log = structlog.get_logger()


class Tools:
    """What a worker's child works with, made once in each child: connections do not survive a fork."""

    def __init__(self) -> None:
        # A paused neighbour's locks fall after 5 s, so waiting for them is worth it.
        self.database = Database(configuration.database, connections=2, statement_ms=15_000, lock_ms=10_000)
        self.lookup = lookup_from(configuration.portfolio_url)
        self.herald = Herald(configuration.events)


tools = cache(Tools)


@signals.worker_process_init.connect
def prepare(**_: Any) -> None:
    tools()


@app.task(name=broker.SETTLE_TASK)
def settle(*, schema: int, ids: list[str], swept: bool = False, reply_to: str | None = None, **_: Any) -> None:
    """Settle the orders that a bell names. An unknown schema is left to a newer worker, and to the sweep."""
    if schema > broker.MESSAGE_SCHEMA:
        log.warning("bell_of_a_newer_schema", schema=schema)
        return
    work = tools()
    settled = process.settle(work.database, work.lookup, ids, swept=swept, max_attempts=configuration.max_attempts)
    reply = reply_to if reply_to and reply_to.startswith(REPLY_CHANNEL) else None
    work.herald.announce(wake_relay=settled.events > 0, reply_to=reply, order_ids=settled.order_ids)
