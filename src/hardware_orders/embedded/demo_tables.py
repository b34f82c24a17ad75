"""What the demo shows: the orders and what was derived for each, the refusals, the events."""

from collections.abc import Sequence

from rich.box import ROUNDED
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from hardware_orders.client import FieldError, Order, RefusedError, tables
from hardware_orders.embedded.demo_orders import Outcome


def show(outcomes: Sequence[Outcome], out: Console) -> None:
    """Print all three parts."""
    _section("What became of the orders", _orders(outcomes), out)
    for outcome in outcomes:
        if outcome.refusal:
            _section(f"Refused with {outcome.refusal.status}: {outcome.title}", _refusal(outcome.refusal), out)
    _section("The events, in the order of their position", _events(outcomes), out)


def _section(title: str, table: Table, out: Console) -> None:
    out.print()
    out.print(Text(title, style="bold"))
    out.print(table)


def _orders(outcomes: Sequence[Outcome]) -> Table:
    table = Table(box=ROUNDED, expand=True, show_lines=True)
    table.add_column("order", ratio=2)
    table.add_column("status and code", width=18)
    table.add_column("derived for it: field = value (origin)", ratio=4)
    for outcome in outcomes:
        if outcome.order:
            named = Text.assemble((outcome.order.reference, "bold"), "\n", outcome.title)
            table.add_row(named, tables.status(outcome.order), _derived(outcome.order))
    return table


def _derived(order: Order) -> RenderableType:
    information = [Text(order.information, style="yellow")] if order.information else []
    return (
        Group(*information, *tables.derived(order)) if information or order.derived_fields else Text("nothing", "dim")
    )


def _refusal(refusal: RefusedError) -> Table:
    table = Table(box=ROUNDED, expand=True)
    table.add_column("field", overflow="fold")
    table.add_column("what is wrong with it", ratio=1)
    for error in refusal.errors or [FieldError(refusal.param or "", "", str(refusal))]:
        table.add_row(Text(error.param), Text(error.message))
    return table


def _events(outcomes: Sequence[Outcome]) -> Table:
    table = Table(box=ROUNDED)
    table.add_column("position", justify="right")
    for name in ("order", "event", "from → to", "by"):
        table.add_column(name)
    rows = [(event, outcome.order.reference) for outcome in outcomes if outcome.order for event in outcome.events]
    for event, reference in sorted(rows, key=lambda row: row[0].position or 0):
        table.add_row(str(event.position), Text(reference), *tables.told(event))
    return table
