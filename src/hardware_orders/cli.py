"""The `hardware-orders` command. Each subcommand imports what it needs: the supervisor of `up` must stay small."""

# ruff: noqa: PLC0415
import signal
import sys
import warnings
from typing import TYPE_CHECKING, Annotated

import typer

from hardware_orders import (
    api_key_commands,
    erasure_command,
    event_commands,
    grants,
    order_commands,
    portfolio_commands,
    settings,
    top_command,
    webhook_commands,
)
from hardware_orders.errors import WrongSettingError

if TYPE_CHECKING:
    from hardware_orders.database import DatabaseRole

app = typer.Typer(
    help="Takes orders for payment terminals, settles them, and tells everybody what became of them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(order_commands.app)
app.add_typer(api_key_commands.app, name="api-key")
app.add_typer(event_commands.app, name="events")

app.command()(erasure_command.erase)
app.add_typer(portfolio_commands.app, name="portfolio")
app.add_typer(webhook_commands.app, name="webhooks")
app.add_typer(top_command.app)

DAY_SECONDS = 86_400
DEFAULT_ROLES = "orders:write, orders:read, events:read"


def main() -> None:
    """Run the command; a wrong setting ends it with one line and exit code 2."""
    try:
        app()
    except WrongSettingError as error:
        sys.stderr.write(f"hardware-orders: {error}\n")
        sys.exit(2)


@app.command()
def up() -> None:
    """Run the whole system: on the embedded default, or, with the servers' URLs set, against them."""
    from hardware_orders.embedded.up import up as run

    raise typer.Exit(run(settings.load()))


@app.command()
def demo(
    *,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the system running until Ctrl-C.")] = False,
) -> None:
    """Start the whole system in a temporary folder, send the sample orders, show what became of them."""
    from hardware_orders.embedded.demo import demo as run

    raise typer.Exit(run(keep))


@app.command()
def api() -> None:
    """Serve the API."""
    from hardware_orders import logging, tracing
    from hardware_orders.database import DatabaseRole
    from hardware_orders.server import serve

    configuration = _checked(DatabaseRole.INTAKE, DatabaseRole.CALLER, DatabaseRole.ERASER)
    logging.configure(configuration.log_format, "api", log_orders=configuration.log_orders)
    tracing.start("api")
    # The server stops in order and then raises the signal once more, for whoever was there before it.
    signal.signal(signal.SIGTERM, lambda *_: None)
    serve(configuration)
    tracing.stop()


@app.command()
def worker() -> None:
    """Settle orders: a Celery worker of the queue `orders`."""
    from hardware_orders import logging
    from hardware_orders.database import DatabaseRole
    from hardware_orders.portfolio.source import lookup_from

    configuration = _checked(DatabaseRole.WORKER)
    logging.configure(configuration.log_format, "worker", log_orders=configuration.log_orders)
    # Celery would log what its children raise and go on without them.
    token = configuration.portfolio_token
    lookup_from(configuration.portfolio_url, token=token.get_secret_value() if token else None)
    # Celery warns of root because of pickled messages; these carry ids as JSON, and no other kind is accepted.
    warnings.filterwarnings("ignore", "You're running the worker with superuser")
    from workers.app import app as celery

    # Not by Celery's command line: the shell for people that comes with it is 10 MB, and starts slowly.
    celery.Worker(queues=["orders"], quiet=True, without_mingle=True, without_gossip=True).start()


@app.command()
def relay() -> None:
    """Number the events, publish them, deliver them to webhooks, and ring again for orders that wait too long."""
    from hardware_orders import logging, tracing
    from hardware_orders.database import DatabaseRole
    from hardware_orders.relay import Relay

    configuration = _checked(DatabaseRole.RELAY, DatabaseRole.WORKER)
    logging.configure(configuration.log_format, "relay", log_orders=configuration.log_orders)
    tracing.start("relay")
    process = Relay(configuration)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: process.stop())
    process.run()
    tracing.stop()


@app.command()
def migrate() -> None:
    """Bring the database's schema to this version's."""
    from hardware_orders.database import Database
    from hardware_orders.migrations.upgrade import migrate as upgrade

    database = Database(settings.load().database, connections=1, statement_ms=0, lock_ms=60_000)
    typer.echo(f"The schema is at revision {upgrade(database)}.")


@app.command()
def token(
    sub: Annotated[str, typer.Option(help="The user's id; a UUID, for userUids to find its orders.")],
    entity: Annotated[str, typer.Option(help="customerEntityUids separated by commas, or '*' for all.")],
    name: Annotated[str, typer.Option(help="The user's display name; the id if absent.")] = "",
    role: Annotated[
        str, typer.Option(help=f"{grants.ROLE_HELP} Absent: {DEFAULT_ROLES}.", show_default=False)
    ] = DEFAULT_ROLES,
    days: Annotated[float, typer.Option(help="How long it is valid.", min=0.001, max=3650)] = 1,
) -> None:
    """Print a token signed by the local key."""
    from hardware_orders.api import local_key

    roles, entities = grants.roles(role), grants.entities(entity)
    path = settings.load().signing_key
    if path is None:
        raise WrongSettingError(f"{settings.PREFIX}LOCAL_SIGNING_KEY is not set; tokens come from it.")
    key = local_key.load(path)
    typer.echo(
        local_key.issue(key, sub=sub, name=name or sub, entities=entities, roles=roles, seconds=int(days * DAY_SECONDS))
    )


def _checked(*roles: "DatabaseRole") -> settings.Settings:
    """The settings of a server process, after a look at every store it needs. Raises WrongSettingError."""
    from hardware_orders import migrations
    from hardware_orders.database import Database

    configuration = settings.load()
    configuration.require_servers()
    database = Database(configuration.database, connections=1)
    migrations.require_current(database)
    database.dispose()
    for role in roles:
        migrations.require_role(configuration.database, role)
    return configuration
