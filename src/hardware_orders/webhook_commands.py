"""`hardware-orders webhooks`: the keys that the secrets of webhook endpoints are encrypted with."""

# ruff: noqa: PLC0415  # as in cli.py
import typer

from hardware_orders import settings
from hardware_orders.errors import WrongSettingError

app = typer.Typer(help="Make and rotate the keys of webhooks' secrets.", no_args_is_help=True)


@app.command()
def make_key() -> None:
    """Print a new key for HARDWARE_ORDERS_SECRET_KEYS."""
    from hardware_orders.delivery.webhooks import secret_keys

    typer.echo(secret_keys.new())


@app.command()
def rotate_keys() -> None:
    """Encrypt every secret with the first of the keys; afterwards the others can be taken out of the setting."""
    from hardware_orders.api_key_commands import opened
    from hardware_orders.delivery.webhooks import endpoints, secret_keys
    from hardware_orders.delivery.webhooks.endpoint_secrets import Secrets

    secrets = Secrets(secret_keys.of(settings.load()))
    if not secrets.are_kept:
        raise WrongSettingError(f"{settings.PREFIX}SECRET_KEYS is not set; name the new key first, then the others.")
    with opened("secrets of webhooks") as database:
        count, unreadable = endpoints.encrypt_anew(database, secrets)
    typer.echo(f"The secrets of {count - unreadable} endpoints are encrypted with the first key.")
    if unreadable:
        typer.echo(
            f"None of the keys fits those of {unreadable}: keep the key that they were encrypted with.", err=True
        )
        raise typer.Exit(1)
