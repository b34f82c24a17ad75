"""`hardware-orders api-key`: make, list and revoke the keys of clients that have no issuer of tokens."""

# ruff: noqa: PLC0415  # as in cli.py
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from hardware_orders import grants, settings
from hardware_orders.errors import WrongSettingError

if TYPE_CHECKING:
    from hardware_orders.database import Database

# More than any row is wide: a row is one line, which a terminal wraps, and nothing is cut off.
COLUMNS = 2_000

app = typer.Typer(help="Make, list and revoke API keys, for clients without an issuer of tokens.", no_args_is_help=True)


@app.command()
def create(
    name: Annotated[str, typer.Option(help="Who uses it; shown as the author of its orders.")],
    entity: Annotated[str, typer.Option(help="customerEntityUids separated by commas, or '*' for all.")],
    role: Annotated[str, typer.Option(help=grants.ROLE_HELP)],
    days: Annotated[
        float | None, typer.Option(help="How long it is valid; until it is revoked if absent.", min=0.001, max=3650)
    ] = None,
) -> None:
    """Make a key and print it. It is shown this once: the database holds only its digest."""
    from hardware_orders import api_keys
    from hardware_orders.api.tokens import TEXT_MOST_CHARACTERS, is_text

    if not is_text(name):
        raise typer.BadParameter(
            f"give it a name of 1 to {TEXT_MOST_CHARACTERS} printable characters", param_hint="--name"
        )
    entities, roles = grants.entities(entity), grants.roles(role)
    with opened("API keys") as database:
        key, text = api_keys.create(database, name=name, entities=entities, roles=roles, days=days)
    typer.echo(text)
    until = f"until {_minute(key.expires_at)}" if key.expires_at else "until it is revoked"
    typer.echo(f"Keep it now: it is not shown again. Its id is {key.key_id}; it is valid {until}.", err=True)


@app.command(name="list")
def list_keys() -> None:
    """Show all keys, the oldest first: what they may do, when they end, and when they were last used (to the hour)."""
    from datetime import UTC

    from rich.console import Console
    from rich.table import Table

    from hardware_orders import api_keys

    with opened("API keys") as database:
        keys = api_keys.read_all(database)
    now = datetime.now(UTC)
    table = Table("id", "name", "customers", "roles", "created", "ends", "last used", box=None, pad_edge=False)
    for key in keys:
        end = "" if key.expires_at is None else _minute(key.expires_at)
        if key.revoked_at:
            end = f"revoked {_minute(key.revoked_at)}"
        elif not key.seconds_left(now):
            end = f"expired {end}"
        used = _minute(key.last_used_at) if key.last_used_at else "never"
        table.add_row(
            key.key_id, key.name, ", ".join(key.entities), ", ".join(key.roles), _minute(key.created_at), end, used
        )
    Console(highlight=False, markup=False, width=COLUMNS).print(table)


@app.command()
def revoke(key_id: Annotated[str, typer.Argument(metavar="ID", help="As `api-key list` shows it.")]) -> None:
    """End a key for good. The API takes it for at most another minute."""
    from hardware_orders import api_keys

    with opened("API keys") as database:
        key = api_keys.revoke(database, key_id)
    if key is None or key.revoked_at is None:
        raise typer.BadParameter("there is no API key of this id; `hardware-orders api-key list` shows them")
    typer.echo(f"The key {key.key_id} ({key.name}) was revoked at {_minute(key.revoked_at)}.")


@contextmanager
def opened(what: str) -> Iterator["Database"]:
    """The database of these settings, or of the embedded default.

    Raises WrongSettingError when it is not there, and when this login may not see and change `what`.
    """
    from hardware_orders import migrations
    from hardware_orders.database import Database, is_forbidden

    configuration = settings.load()
    if configuration.is_embedded:
        path = configuration.data_dir / "orders.db"
        if not path.exists():
            raise WrongSettingError(f"There is no database in {path.parent} yet: run `hardware-orders up` first.")
        database = Database(f"sqlite:///{path}", connections=1)
    else:
        database = Database(configuration.database, connections=1)
    try:
        migrations.require_current(database)
        yield database
    except Exception as error:
        if not is_forbidden(error):
            raise
        raise WrongSettingError(
            f"The database login {database.engine.url.username} may not see or change {what}: run this with the URL of "
            f"the tables' owner (docs/postgresql.md)."
        ) from None
    finally:
        database.dispose()


def _minute(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%MZ}"
