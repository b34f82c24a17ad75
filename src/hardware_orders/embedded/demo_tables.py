"""What the demo shows: the orders and what was derived for each, the refusals, the events. Rich does the drawing."""

import json
import sys
from collections import Counter
from collections.abc import Sequence
from operator import itemgetter
from typing import Any

from rich.box import ROUNDED
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from hardware_orders.embedded.demo_orders import Outcome

PIPED_COLUMNS = 100
DERIVED_LINES = 6  # room for each kind of origin; an order of the samples has up to forty
VALUE_LENGTH = 28
PATH_MEMBERS = 2  # the last two of `merchant.billingAddress.city` tell the fields apart, and fit in a line
EVENT_PREFIX = "hardware-orders."
COLOURS = {"SUBMITTED": "green", "DRAFT": "cyan", "ONHOLD": "yellow", "CANCELLED": "red"}


def console() -> Console:
    """A console as wide as the terminal; 100 columns without colour where there is none."""
    return Console(width=None if sys.stdout.isatty() else PIPED_COLUMNS, highlight=False)


def show(outcomes: Sequence[Outcome], out: Console) -> None:
    """Print all three parts."""
    _section("What became of the orders", _orders([outcome for outcome in outcomes if outcome.order]), out)
    for outcome in outcomes:
        if outcome.refusal:
            _section(f"Refused with {outcome.refusal['status']}: {outcome.title}", _refusal(outcome.refusal), out)
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
        order = outcome.order or {}
        details = order["internal"]["extendedDetails"]
        words = Text(order["status"], style=COLOURS.get(order["status"], ""))
        words.append("".join(f"\n{details[name]}" for name in ("status", "code") if details.get(name)), style="dim")
        table.add_row(
            Text.assemble((order["orderReference"], "bold"), "\n", outcome.title),
            words,
            _derived(order["internal"].get("derivedFields") or [], details.get("information")),
        )
    return table


def _derived(rows: Sequence[dict[str, Any]], information: str | None) -> RenderableType:
    lines = [Text(information, style="yellow")] if information else []
    for row in _varied(rows)[:DERIVED_LINES]:
        path = ".".join(row["pointer"].split("/")[1:][-PATH_MEMBERS:])
        lines.append(Text.assemble(f"{path} = ", (_value(row["value"]), "bold"), (f" ({row['origin']})", "dim")))
    if len(rows) > DERIVED_LINES:
        lines.append(Text(f"… and {len(rows) - DERIVED_LINES} more", style="dim"))
    return Group(*lines) if lines else Text("nothing", style="dim")


def _varied(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows so that every origin comes to be seen: the first of each, then the second of each, and so on."""
    seen: Counter[str] = Counter()
    turns = []
    for row in rows:
        seen[row["origin"]] += 1
        turns.append((seen[row["origin"]], row))
    return [row for _, row in sorted(turns, key=itemgetter(0))]


def _value(value: Any) -> str:
    if isinstance(value, list):
        return "1 entry" if len(value) == 1 else f"{len(value)} entries"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= VALUE_LENGTH else text[: VALUE_LENGTH - 1] + "…"


def _refusal(problem: dict[str, Any]) -> Table:
    table = Table(box=ROUNDED, expand=True)
    table.add_column("field", overflow="fold")
    table.add_column("what is wrong with it", ratio=1)
    for error in problem.get("errors") or [{"param": problem.get("param"), "message": problem["detail"]}]:
        table.add_row(Text(error["param"] or ""), Text(error["message"]))
    return table


def _events(outcomes: Sequence[Outcome]) -> Table:
    table = Table(box=ROUNDED)
    table.add_column("position", justify="right")
    for name in ("order", "event", "from → to", "by"):
        table.add_column(name)
    rows = [
        (event, outcome.order["orderReference"]) for outcome in outcomes if outcome.order for event in outcome.events
    ]
    for event, reference in sorted(rows, key=lambda row: row[0]["data"]["position"]):
        data = event["data"]
        table.add_row(
            str(data["position"]),
            Text(reference),
            event["type"].removeprefix(EVENT_PREFIX),
            f"{data.get('previousStatus') or '-'} → {data['status']}",
            Text(_actor(data.get("actor"))),
        )
    return table


def _actor(actor: Any) -> str:
    """The name of a person, or of the part of the system."""
    return str(actor.get("name") or actor.get("uid")) if isinstance(actor, dict) else str(actor or "-")
