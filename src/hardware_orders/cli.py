"""The `hardware-orders` command. Each subcommand imports what it needs: the supervisor of `up` must stay small."""

# ruff: noqa: PLC0415
import signal
import sys
import warnings
from pathlib import Path
from typing import Annotated

import typer

from hardware_orders import settings
from hardware_orders.errors import WrongSettingError

app = typer.Typer(
    help="Takes orders for payment terminals, settles them, and tells everybody what became of them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

DAY_SECONDS = 86_400
ALL_ROLES = "orders:write,orders:read,fulfilment,events:read,webhooks:write,admin"


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
    from hardware_orders import logging
    from hardware_orders.server import serve

    configuration = _checked()
    logging.configure(configuration.log_format, "api")
    # The server stops in order and then raises the signal once more, for whoever was there before it.
    signal.signal(signal.SIGTERM, lambda *_: None)
    serve(configuration)


@app.command()
def worker() -> None:
    """Settle orders: a Celery worker of the queue `orders`."""
    _checked()
    # Celery warns of root because of pickled messages; these carry ids as JSON, and no other kind is accepted.
    warnings.filterwarnings("ignore", "You're running the worker with superuser")
    from workers.app import app as celery

    celery.worker_main(["-q", "worker", "-Q", "orders", "--without-mingle", "--without-gossip"])


@app.command()
def relay() -> None:
    """Number the events, publish them to the stream, and ring again for orders that wait too long."""
    from hardware_orders import logging
    from hardware_orders.relay import Relay

    configuration = _checked()
    logging.configure(configuration.log_format, "relay")
    process = Relay(configuration)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: process.stop())
    process.run()


@app.command()
def migrate() -> None:
    """Bring the database's schema to this version's."""
    from hardware_orders.database import Database
    from hardware_orders.migrations.upgrade import migrate as upgrade

    database = Database(settings.load().database, connections=1, statement_ms=0, lock_ms=60_000)
    typer.echo(f"The schema is at revision {upgrade(database)}.")


@app.command()
def token(
    sub: Annotated[str, typer.Option(help="The user's id, a UUID.")],
    entity: Annotated[str, typer.Option(help="customerEntityUids separated by commas, or '*' for all.")],
    name: Annotated[str, typer.Option(help="The user's display name; the id if absent.")] = "",
    role: Annotated[str, typer.Option(help="Roles separated by commas.")] = "orders:write,orders:read,events:read",
    days: Annotated[float, typer.Option(help="How long it is valid.", min=0.001, max=3650)] = 1,
) -> None:
    """Print a token signed by the local key."""
    from hardware_orders.api import local_key

    roles = [item.strip() for item in role.split(",") if item.strip()]
    unknown = sorted(set(roles) - set(ALL_ROLES.split(",")))
    if unknown or not roles:
        raise typer.BadParameter(f"unknown role {', '.join(unknown)}; there are {ALL_ROLES}", param_hint="--role")
    entities = [item.strip() for item in entity.split(",") if item.strip()]
    key = local_key.load(_signing_key())
    typer.echo(
        local_key.issue(key, sub=sub, name=name or sub, entities=entities, roles=roles, seconds=int(days * DAY_SECONDS))
    )


def _signing_key() -> Path:
    configuration = settings.load()
    if configuration.local_signing_key:
        return configuration.local_signing_key
    if configuration.is_embedded:
        return configuration.data_dir / "signing-key.json"
    raise WrongSettingError(f"{settings.PREFIX}LOCAL_SIGNING_KEY is not set; tokens come from it.")


def _checked() -> settings.Settings:
    """The settings of a server process, after a look at every store it needs. Raises WrongSettingError."""
    from hardware_orders import migrations
    from hardware_orders.database import Database

    configuration = settings.load()
    configuration.require_servers()
    database = Database(configuration.database, connections=1)
    migrations.require_current(database)
    database.dispose()
    return configuration
