"""The composition root of the API: builds the parts, starts and stops them in order, and hangs up the routes."""

from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager, nullcontext
from functools import partial

from fastapi import FastAPI

from hardware_orders import __version__, api_keys, garbage, identifiers, tracing
from hardware_orders.api import (
    batch,
    discard,
    erasure,
    event_stream,
    events,
    hardware,
    health,
    issuer_keys,
    local_key,
    metrics,
    orders,
    preview,
    problems,
    progress,
    search,
    transitions,
    webhooks,
)
from hardware_orders.api.application import Application
from hardware_orders.api.authentication import Authenticator
from hardware_orders.api.batch_waiting import BatchWaiting
from hardware_orders.api.context import Context, Webhooks
from hardware_orders.api.issuer_keys import IssuerKeys
from hardware_orders.api.rate_limiting import RateLimiting
from hardware_orders.api.request_spans import RequestSpans
from hardware_orders.api.tokens import Tokens, TrustedIssuer
from hardware_orders.broker import Ringer
from hardware_orders.dashboard import routes as dashboard
from hardware_orders.database import Database, DatabaseRole
from hardware_orders.delivery.wake import REPLY_CHANNEL, Herald
from hardware_orders.delivery.webhooks import secret_keys
from hardware_orders.delivery.webhooks.by_hand import ByHand
from hardware_orders.delivery.webhooks.endpoint_secrets import Secrets
from hardware_orders.errors import WrongSettingError
from hardware_orders.intake import batches
from hardware_orders.intake.accept import Intake
from hardware_orders.intake.bell import Bell
from hardware_orders.intake.group_commit import GroupCommit
from hardware_orders.intake.single_orders import SingleOrders
from hardware_orders.intake.waiting import Waiting
from hardware_orders.orders import store
from hardware_orders.orders.order import Order
from hardware_orders.portfolio.lookup import Source
from hardware_orders.portfolio.source import lookup_from
from hardware_orders.rate_limit import RateLimiter
from hardware_orders.sampling.scrape import Scrape
from hardware_orders.settings import PREFIX, Settings, is_loopback

ROUTERS = (
    hardware.router,
    preview.router,
    batch.router,
    search.router,
    orders.router,
    discard.router,
    events.router,
    progress.router,
    transitions.router,
    erasure.router,
    webhooks.router,
    health.router,
    metrics.router,
)


def create_app(settings: Settings) -> Application:
    """The API of one process. Raises WrongSettingError for a configuration it cannot start with."""
    if settings.dashboard_open and not is_loopback(settings.host):
        raise WrongSettingError(
            f"{PREFIX}DASHBOARD_OPEN lets whoever is at this machine in without signing in; unset it, or set {PREFIX}HOST "
            f"to 127.0.0.1, so that nobody else comes near."
        )
    keys = IssuerKeys(settings.issuer.jwks_url) if settings.issuer else None
    issuers = _trusted(settings, keys)
    if not issuers:
        _require_api_key(settings)
    database = Database(settings.database, role=DatabaseRole.INTAKE)
    authenticator = Authenticator(Tokens(issuers), partial(api_keys.find, database))
    secrets = Secrets(secret_keys.of(settings))
    hooks = Webhooks(secrets, settings.webhook_allow, ByHand(database, secrets, settings.webhook_allow))
    portfolios = _portfolios(settings)
    limiter = RateLimiter(settings.rate_limit, settings.events) if settings.rate_limit else None

    @asynccontextmanager
    async def running(_: FastAPI) -> AsyncIterator[None]:
        intake = _intake(settings, database)
        tail = event_stream.tail(database, settings.events)
        app.streams_end.append(tail.end)
        batch_waiting = BatchWaiting(partial(batches.settled_among, database))
        app.streams_end.append(batch_waiting.release)
        app.state.context = Context(
            database, intake, authenticator, settings.wait_seconds, tail, hooks, portfolios, batch_waiting
        )
        scrape = Scrape(database, Ringer(settings.broker), lambda: intake.waiting.is_connected)
        app.state.metrics = metrics.Metrics(scrape, is_open=settings.dashboard_open)
        dashboard.open_board(app, is_open=settings.dashboard_open)
        async with intake.waiting.running(), tail.running(), keys.running() if keys else nullcontext():
            intake.bell.start()
            intake.group_commit.start()
            garbage.freeze()
            yield
            intake.group_commit.stop()
            intake.bell.stop()
        app.state.metrics.close()
        if limiter is not None:
            await limiter.close()
        portfolios.close()
        database.dispose()

    app = Application(
        ROUTERS,
        title="Hardware Orders",
        version=__version__,
        lifespan=running,
    )
    app.router.routes += dashboard.ROUTES
    problems.install(app)
    if settings.rate_limit and limiter:
        app.add_middleware(RateLimiting, rate=settings.rate_limit, limiter=limiter)
    if tracing.is_on():
        app.add_middleware(RequestSpans)
    return app


def _intake(settings: Settings, database: Database) -> Intake:
    channel = REPLY_CHANNEL + identifiers.new()
    single_orders = SingleOrders()
    waiting = Waiting(
        settings.events,
        channel,
        read=_reader(database),
        on_reply=lambda order_ids: bell.answered(order_ids),  # noqa: PLW0108  # each needs the other
    )
    bell = Bell(Ringer(settings.broker), reply_to=channel, on_away=waiting.release_soon, single_orders=single_orders)
    group_commit = GroupCommit(
        database, on_committed=bell.ring, on_committed_lines=bell.ring_lines, key_lifetime=settings.key_lifetime
    )
    return Intake(group_commit, bell, waiting, Herald(settings.events), single_orders)


def _portfolios(settings: Settings) -> Source:
    token = settings.portfolio_token
    return lookup_from(
        settings.portfolio_url, token=token.get_secret_value() if token else None, events_url=settings.events
    )


def _trusted(settings: Settings, keys: IssuerKeys | None) -> list[TrustedIssuer]:
    """Whose tokens are taken. The local key is one more issuer, and its tokens are held to rules of their own."""
    issuers = []
    if settings.issuer and keys:
        if settings.issuer.name == local_key.ISSUER:
            raise WrongSettingError(f"{PREFIX}JWT_ISSUER must not be {local_key.ISSUER}: that is the local key's name.")
        issuers.append(TrustedIssuer(settings.issuer.name, settings.issuer.audience, issuer_keys.ALGORITHMS, keys.key))
    if settings.local_signing_key:
        issuers.append(local_key.trusted(local_key.load(settings.local_signing_key)))
    return issuers


def _require_api_key(settings: Settings) -> None:
    """Raise WrongSettingError unless somebody could sign in by an API key, where no tokens are taken."""
    database = Database(settings.database, role=DatabaseRole.INTAKE, connections=1)
    try:
        is_any_good = api_keys.is_any_good(database)
    finally:
        database.dispose()
    if not is_any_good:
        raise WrongSettingError(
            f"Nobody could sign in: set {PREFIX}JWKS_URL for the tokens of an issuer, or {PREFIX}LOCAL_SIGNING_KEY to a "
            f"file (it is made if it is missing), or make an API key with `hardware-orders api-key create`."
        )


def _reader(database: Database) -> Callable[[Collection[str]], list[Order]]:
    def read(order_ids: Collection[str]) -> list[Order]:
        with database.read() as connection:
            return store.read(connection, order_ids)

    return read
