"""The commands that speak to a running service, by the client: `hardware-orders submit` and so on (docs/client.md)."""

# ruff: noqa: PLC0415 - `hardware-orders --help` and `up` need none of this
import contextlib
import functools
import itertools
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from hardware_orders import batch_submission, order_files, settings
from hardware_orders.errors import WrongSettingError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from hardware_orders.client import Client, Order, RefusedError

# Exit codes, besides 0 and the 2 of a wrong usage or setting.
REFUSED, AWAY = 1, 3
EXIT_CODES = "Exit codes: 0 done, 1 refused by the service, 2 wrong usage or setting, 3 the service does not answer."
# A person waits for the end of it: some two seconds of pauses.
TRIES = 4
# The service's own bound is lower and has a better sentence; only an input without end meets this one.
FILE_MOST_BYTES = 16 * 2**20
# Of the local key's token: one command, which may page through a long list.
TOKEN_SECONDS = 3600

app = typer.Typer()

OrderId = Annotated[str, typer.Argument(metavar="ID", help="The order's id.", show_default=False)]
OrderFile = Annotated[
    Path, typer.Argument(metavar="FILE", help="One order as JSON; - for standard input.", show_default=False)
]
OrdersFile = Annotated[
    Path,
    typer.Argument(
        metavar="FILE",
        help="One order as JSON, - for standard input; or many: .ndjson, one a line, or .csv.",
        show_default=False,
    ),
]
Wait = Annotated[
    int | None,
    typer.Option(
        min=0, max=3600, help="Wait up to so many seconds for the settled order. Absent: the service decides."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, as the service answered it.")]
Url = Annotated[str | None, typer.Option(help=f"The service's address, or {settings.PREFIX}URL. Absent: this machine.")]
Token = Annotated[
    str | None,
    typer.Option(
        help=f"A Bearer token, or {settings.PREFIX}TOKEN, which nobody else can read. Absent: one of the local key."
    ),
]
_command = functools.partial(app.command, rich_help_panel="Orders, at a running service", epilog=EXIT_CODES)


@_command()
def submit(
    file: OrdersFile,
    *,
    draft: Annotated[bool, typer.Option("--draft", help="Save it as a draft.")] = False,
    simplified: Annotated[
        bool, typer.Option("--simplified", help="Complete it from the customer's portfolio.")
    ] = False,
    key: Annotated[str | None, typer.Option(help="An idempotency key: the same one makes no second order.")] = None,
    wait: Wait = None,
    as_json: AsJson = False,
    url: Url = None,
    token: Token = None,
) -> None:
    """Send a new order; or many: a file .ndjson or .csv, which can be sent again to go on where it broke."""
    if order_files.is_of_many(file):
        with service(url, token) as client:
            options = {"save_draft": draft, "simplified": simplified}
            if not batch_submission.submit(client, file, key=key, wait=wait, as_json=as_json, **options):
                raise typer.Exit(REFUSED)
            return
    body = _order_text(file)
    with service(url, token) as client:
        order = client.submit(body, save_draft=draft, simplified=simplified, idempotency_key=key, wait=wait)
        _show_order(order, as_json=as_json)


@_command()
def preview(file: OrderFile, *, as_json: AsJson = False, url: Url = None, token: Token = None) -> None:
    """Show what the customer's portfolio would add to an order, and what would be missing; nothing is stored."""
    from hardware_orders.client import tables

    body = _order_text(file)
    with service(url, token) as client:
        shown = client.preview(body)
        _show(dict(shown.json), None if as_json else tables.preview(shown))


@_command()
def csv_template() -> None:
    """Print the columns that a file of orders .csv may have: those of an order with one of each list."""
    typer.echo(",".join(order_files.columns()))


@_command()
def get(order_id: OrderId, *, as_json: AsJson = False, url: Url = None, token: Token = None) -> None:
    """Show an order as it stands."""
    with service(url, token) as client:
        _show_order(client.get(order_id), as_json=as_json)


@_command("list")
def list_orders(
    *,
    status: Annotated[str | None, typer.Option(help="DRAFT, SUBMITTED, ONHOLD and so on.")] = None,
    customer: Annotated[str | None, typer.Option(help="A customerEntityUid.")] = None,
    reference: Annotated[str | None, typer.Option(help="An orderReference, whole.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many orders.")] = 50,
    as_json: AsJson = False,
    url: Url = None,
    token: Token = None,
) -> None:
    """List orders, the newest first."""
    from hardware_orders.client import tables
    from hardware_orders.client.client import PAGE_ORDERS

    filters = {"status": status, "customerEntityUid": customer, "orderReference": reference}
    with service(url, token) as client:
        found = list(itertools.islice(client.search(**filters, limit=min(limit, PAGE_ORDERS)), limit))
        _show([dict(order.json) for order in found], None if as_json else tables.orders(found))


@_command()
def replace(
    order_id: OrderId,
    file: OrderFile,
    *,
    wait: Wait = None,
    as_json: AsJson = False,
    url: Url = None,
    token: Token = None,
) -> None:
    """Replace an order that has not been submitted: what the file leaves out is gone."""
    body = _order_text(file)
    with service(url, token) as client:
        _show_order(client.replace(order_id, body, wait=wait), as_json=as_json)


@_command()
def submit_draft(
    order_id: OrderId,
    *,
    portfolio_version: Annotated[
        Literal["pinned", "latest"] | None,
        typer.Option(help="Where the portfolio has changed: keep the draft's values (pinned), or take the latest."),
    ] = None,
    wait: Wait = None,
    as_json: AsJson = False,
    url: Url = None,
    token: Token = None,
) -> None:
    """Submit a draft, or an order that was parked and has been mended."""
    with service(url, token) as client:
        _show_order(client.submit_draft(order_id, portfolio_version=portfolio_version, wait=wait), as_json=as_json)


@_command()
def cancel(
    order_id: OrderId,
    *,
    reason: Annotated[str, typer.Option(help="ADMIN_REASON, RELATED_PO_CHANGES, WRONG_PRODUCT, ORDER_LATE or OTHER.")],
    additional_reason: Annotated[str | None, typer.Option(help="The reason in words.")] = None,
    as_json: AsJson = False,
    url: Url = None,
    token: Token = None,
) -> None:
    """Cancel an order, while that is possible."""
    with service(url, token) as client:
        _show_order(client.cancel(order_id, reason, additional_reason), as_json=as_json)


@_command()
def discard(order_id: OrderId, *, as_json: AsJson = False, url: Url = None, token: Token = None) -> None:
    """Discard a draft: it is gone, only its timeline stays."""
    with service(url, token) as client:
        client.discard(order_id)
        _show({"orderId": order_id}, None if as_json else f"Discarded {order_id}.")


@_command()
def timeline(order_id: OrderId, *, as_json: AsJson = False, url: Url = None, token: Token = None) -> None:
    """Show what has happened to an order, the oldest event first."""
    from hardware_orders.client import tables

    with service(url, token) as client:
        events = list(client.events(order_id))
        _show([dict(event.json) for event in events], None if as_json else tables.timeline(events))


@contextlib.contextmanager
def service(url: str | None, token: str | None) -> Iterator["Client"]:
    """A client of the service that the options or settings name; its errors end the command with their sentence."""
    from hardware_orders.client import Client, RefusedError, UnavailableError

    try:
        configuration = settings.load()
        address = url or configuration.url or _of_this_machine(configuration)
        with Client(address, token or _token(configuration, address), tries=TRIES) as client:
            yield client
    except RefusedError as refusal:
        complain(f"refused with {refusal.status}.\n{_faults(refusal)}")
        raise typer.Exit(REFUSED) from None
    except UnavailableError as error:
        complain(str(error))
        raise typer.Exit(AWAY) from None
    except ValueError as error:
        raise WrongSettingError(str(error)) from None


def _of_this_machine(configuration: settings.Settings) -> str:
    from hardware_orders.embedded.up import address

    return address(configuration)


def _token(configuration: settings.Settings, address: str) -> str:
    """The token of the settings, or one of the local key: for a service on this machine alone, which knows that key."""
    from hardware_orders.client.connection import is_this_machine

    if configuration.token:
        return configuration.token.get_secret_value()
    path = configuration.signing_key if is_this_machine(address) else None
    if path is None or not path.exists():
        absence = f", and there is no local key {path}" if path else ""
        raise WrongSettingError(f"{settings.PREFIX}TOKEN is not set{absence}. Set it to a token for {address}.")
    from hardware_orders.actor import LOCAL_USER
    from hardware_orders.api import local_key
    from hardware_orders.roles import Role

    key = local_key.load(path)
    return local_key.issue(
        key, sub=f"{LOCAL_USER.uid}", name=LOCAL_USER.name, entities=["*"], roles=list(Role), seconds=TOKEN_SECONDS
    )


def _order_text(file: Path) -> str:
    """The file's one order, to the letter; the service says what is wrong with it. Raises WrongSettingError."""
    name = "standard input" if str(file) == "-" else str(file)
    try:
        with sys.stdin.buffer if str(file) == "-" else file.open("rb") as opened:
            content = opened.read(FILE_MOST_BYTES + 1)
        if len(content) > FILE_MOST_BYTES:
            raise WrongSettingError(f"{name} is longer than any order can be.")
        text = content.decode()
        order = json.loads(text)
    except OSError as error:
        raise WrongSettingError(f"{name} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise WrongSettingError(f"{name} must be in UTF-8.") from None
    except json.JSONDecodeError as error:
        several = " It seems to hold several; send them one by one." if error.msg == "Extra data" else ""
        where = f"line {error.lineno}, column {error.colno}: {error.msg}"
        raise WrongSettingError(f"{name} must hold one order as JSON ({where}).{several}") from None
    except (ValueError, RecursionError):
        raise WrongSettingError(f"{name} must hold one order as JSON.") from None
    if not isinstance(order, dict):
        kind = "a list; send its orders one by one" if isinstance(order, list) else "something else"
        raise WrongSettingError(f"{name} must hold one order, a JSON object; it holds {kind}.")
    return text


def _show_order(order: "Order", *, as_json: bool) -> None:
    from hardware_orders.client import tables

    _show(dict(order.json), None if as_json else tables.order(order))


def _show(value: Any, drawn: "RenderableType | None") -> None:
    """What is drawn for people; the value as JSON when nothing is."""
    if drawn is None:
        typer.echo(json.dumps(value))
        return
    from hardware_orders.client import tables

    tables.console().print(drawn)


def _faults(refusal: "RefusedError") -> str:
    """A line for each field at fault; the problem's own sentence when it is about no field.

    The service's sentences mostly begin with the field's name; where one does not, the name goes before it.
    """
    faults: list[tuple[str | None, str]] = [(error.param, error.message) for error in refusal.errors]
    faults = faults or [(refusal.param, str(refusal))]
    return "\n".join(
        f"  {param}: {sentence}" if param and not sentence.startswith(param) else f"  {sentence}"
        for param, sentence in faults
    )


def complain(text: str) -> None:
    from hardware_orders.client.tables import printable

    typer.echo(f"hardware-orders: {printable(text)}", err=True)
