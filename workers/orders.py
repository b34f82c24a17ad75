"""The queue `orders`: a bell says which orders wait, and this answers it."""

from functools import cache
from typing import Any

import structlog
from celery import signals

from hardware_orders import broker, tracing
from hardware_orders.database import Database, DatabaseRole
from hardware_orders.delivery.wake import REPLY_CHANNEL, Herald
from hardware_orders.orders.turn import Turn
from hardware_orders.portfolio.source import lookup_from
from workers.app import app, configuration

log = structlog.get_logger()


@cache
def turn() -> Turn:
    """What a worker's child works with, made once in each child: connections and threads do not survive a fork."""
    # A paused neighbour's locks fall after 5 s, so waiting for them is worth it.
    database = Database(
        configuration.database, role=DatabaseRole.WORKER, connections=2, statement_ms=15_000, lock_ms=10_000
    )
    token = configuration.portfolio_token
    portfolios = lookup_from(
        configuration.portfolio_url,
        token=token.get_secret_value() if token else None,
        events_url=configuration.events,
    )
    return Turn(database, portfolios, Herald(configuration.events), max_attempts=configuration.max_attempts)


@signals.worker_process_init.connect
def prepare(**_: Any) -> None:
    tracing.start("worker")
    turn()


@signals.worker_process_shutdown.connect
def finish(**_: Any) -> None:
    turn().stop()
    tracing.stop()


@app.task(name=broker.SETTLE_TASK)
def settle(*, schema: int, ids: list[str], swept: bool = False, reply_to: str | None = None, **_: Any) -> None:
    """Settle the orders that a bell names. An unknown schema is left to a newer worker, and to the sweep."""
    if schema > broker.MESSAGE_SCHEMA:
        log.warning("bell_of_a_newer_schema", schema=schema)
        return
    reply = reply_to if reply_to and reply_to.startswith(REPLY_CHANNEL) else None
    turn().take(ids, swept=swept, reply_to=reply)
