"""The composition root of the API: builds the parts, starts and stops them in order, and hangs up the routes."""

import threading
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager

from fastapi import FastAPI

from hardware_orders import __version__, garbage, identifiers
from hardware_orders.api import hardware, health, local_key, orders, problems
from hardware_orders.api.application import Application
from hardware_orders.api.authentication import Authenticator
from hardware_orders.api.context import Context
from hardware_orders.broker import Ringer
from hardware_orders.database import Database
from hardware_orders.delivery.wake import REPLY_CHANNEL, Herald
from hardware_orders.errors import WrongSettingError
from hardware_orders.intake.accept import Intake
from hardware_orders.intake.bell import Bell
from hardware_orders.intake.group_commit import GroupCommit
from hardware_orders.intake.waiting import Waiting
from hardware_orders.orders import store
from hardware_orders.orders.order import Order
from hardware_orders.settings import PREFIX, Settings

DESCRIPTION = "Takes orders for payment terminals, completes them from the customer's portfolio, and settles them."


def create_app(settings: Settings) -> FastAPI:
    """The API of one process. Raises WrongSettingError for a configuration it cannot start with."""
    if settings.local_signing_key is None:
        raise WrongSettingError(
            f"Nobody could sign in: set {PREFIX}LOCAL_SIGNING_KEY to a file; it is made if it is missing."
        )
    key = local_key.load(settings.local_signing_key)
    database = Database(settings.database)

    @asynccontextmanager
    async def running(app: FastAPI) -> AsyncIterator[None]:
        channel = REPLY_CHANNEL + identifiers.new()
        answered = threading.Event()
        waiting = Waiting(settings.events, channel, read=_reader(database), on_reply=answered.set)
        bell = Bell(Ringer(settings.broker), reply_to=channel, answered=answered, on_away=waiting.release_soon)
        group_commit = GroupCommit(database, on_committed=bell.ring)
        intake = Intake(group_commit, bell, waiting, Herald(settings.events))
        app.state.context = Context(database, intake, Authenticator(key), settings.wait_seconds)
        async with waiting.running():
            bell.start()
            group_commit.start()
            garbage.freeze()
            yield
            group_commit.stop()
            bell.stop()
        database.dispose()

    app = Application(
        [hardware.router, orders.router, health.router],
        title="Hardware Orders",
        description=DESCRIPTION,
        version=__version__,
        lifespan=running,
    )
    problems.install(app)
    return app


def _reader(database: Database) -> Callable[[Collection[str]], list[Order]]:
    def read(order_ids: Collection[str]) -> list[Order]:
        with database.read() as connection:
            return store.read(connection, order_ids)

    return read
