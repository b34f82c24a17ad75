"""`hardware-orders erase`: answers a person's request to be forgotten, order by order (docs/personal-data.md)."""

# ruff: noqa: PLC0415  # as in cli.py
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from hardware_orders import identifiers, settings
from hardware_orders.errors import HardwareOrdersError, WrongSettingError

if TYPE_CHECKING:
    from hardware_orders.database import Database
    from hardware_orders.orders.order import Order

SOME_LEFT = 1
ACTOR_NAME = "Administrator"


def erase(
    order: Annotated[list[str] | None, typer.Option(metavar="ID", help="An order's id; may be repeated.")] = None,
    customer: Annotated[str | None, typer.Option(help="The customerEntityUid whose orders are searched.")] = None,
    email: Annotated[str | None, typer.Option(help="The person's e-mail address.")] = None,
    phone: Annotated[str | None, typer.Option(help="The person's telephone number, in any spelling.")] = None,
    name: Annotated[str | None, typer.Option(help="The person's name: all its words, in any order.")] = None,
    *,
    yes: Annotated[
        bool, typer.Option("--yes", help="Erase. Absent: show what would be erased, and do nothing.")
    ] = False,
) -> None:
    """Erase what is about a person from orders that are over: by their ids, or all of a customer's that name the person.

    Exit codes: 0 done, 1 some orders could not be erased, 2 wrong usage or setting.
    """
    is_search = any((customer, email, phone, name))
    if bool(order) == is_search:
        raise typer.BadParameter("name orders by --order, or a --customer and the person's --email, --phone or --name")
    wrong = [each for each in (*(order or ()), customer) if each and not identifiers.is_uuid(each)]
    if wrong:
        raise typer.BadParameter(f"{wrong[0]} is no UUID in canonical form (lower case with hyphens)")
    with _database() as database:
        chosen = _of_person(database, customer, email, phone, name) if is_search else _of_ids(database, order or [])
        count = left = 0
        for found in chosen:
            count += 1
            left += not (_erase(database, found) if yes else _show(found))
    if not count:
        typer.echo("No order tells of this person.")
    elif not yes:
        typer.echo(f"{count - left} of {count} would be erased, for ever. Add --yes to do it.")
    else:
        typer.echo(f"{count - left} of {count} are erased.")
    if left:
        raise typer.Exit(SOME_LEFT)


def _show(order: "Order") -> bool:
    """Say what an erasure would do; True when it would do something, or nothing is left to do."""
    from hardware_orders.orders import personal, view
    from hardware_orders.orders.status import FINAL

    head = f"{order.order_id}  {order.body['orderReference']}  {order.created_date:%Y-%m-%d}  {order.state}"
    if order.erased_at is not None:
        typer.echo(f"{head}  was erased at {order.erased_at:%Y-%m-%d %H:%MZ}")
        return True
    if order.state not in FINAL:
        typer.echo(f"{head}  cannot be erased before it is over: cancel it, or let it be completed, first")
        return False
    typer.echo(f"{head}  {order.version} events; now in it:")
    for pointer in personal.held(view.as_json(order)):
        typer.echo(f"    {pointer}")
    return True


def _erase(database: "Database", order: "Order") -> bool:
    from hardware_orders.actor import Actor
    from hardware_orders.orders import erasure

    try:
        erased = erasure.erase(database, order.order_id, None, Actor(None, ACTOR_NAME))
    except HardwareOrdersError as refusal:
        typer.echo(f"{order.order_id}  {refusal}")
        return False
    typer.echo(f"{order.order_id}  erased at {erased.erased_at:%Y-%m-%d %H:%MZ}")
    return True


def _of_ids(database: "Database", order_ids: list[str]) -> "list[Order]":
    from hardware_orders.database import DatabaseRole
    from hardware_orders.orders import store

    with database.write_for(None, DatabaseRole.ERASER) as connection:
        found = store.read(connection, order_ids)
    missing = sorted(set(order_ids) - {order.order_id for order in found})
    if missing:
        raise typer.BadParameter(f"there is no order {missing[0]}", param_hint="--order")
    return found


def _of_person(
    database: "Database", customer: str | None, email: str | None, phone: str | None, name: str | None
) -> "Iterator[Order]":
    from hardware_orders.orders import person_search

    if customer is None:
        raise typer.BadParameter("name the customer whose orders are searched", param_hint="--customer")
    try:
        person = person_search.Person(email, phone, name)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    return person_search.find(database, customer, person)


@contextmanager
def _database() -> Iterator["Database"]:
    """The database of these settings, or of the embedded default. Raises WrongSettingError when it cannot be used."""
    from hardware_orders import migrations
    from hardware_orders.database import Database, DatabaseRole

    configuration = settings.load()
    path = configuration.data_dir / "orders.db"
    if configuration.is_embedded and not path.exists():
        raise WrongSettingError(f"There is no database in {path.parent} yet: run `hardware-orders up` first.")
    url = f"sqlite:///{path}" if configuration.is_embedded else configuration.database
    # One connection reads on while another erases what it has found.
    database = Database(url, connections=2)
    try:
        migrations.require_current(database)
        migrations.require_role(url, DatabaseRole.ERASER)
        yield database
    finally:
        database.dispose()
