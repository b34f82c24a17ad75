"""Orders, events and refusals for people to read: what the commands and the demo print. Rich does the drawing."""

import json
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any

from rich.box import ROUNDED
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from hardware_orders.client.answers import Event, Order, Preview

PIPED_COLUMNS = 100
DERIVED_LINES = 6  # room for each kind of origin; an order of the samples has up to forty
VALUE_LENGTH = 28
UUID_LENGTH = 36
PREVIEW_COLUMNS = {"field": 9, "value": 7, "where from": 6}  # of 100 columns so that most pointers are whole
PATH_MEMBERS = 2  # the last two of `merchant.billingAddress.city` tell the fields apart, and fit in a line
COLOURS = {
    "SUBMITTED": "green",
    "INPROGRESS": "green",
    "COMPLETED": "green",
    "DRAFT": "cyan",
    "ONHOLD": "yellow",
    "CANCELLED": "red",
}


def console() -> Console:
    """A console as wide as the terminal; 100 columns without colour where there is none."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")  # a terminal that is not UTF-8 shows `?` and not a traceback
    return Console(width=None if sys.stdout.isatty() else PIPED_COLUMNS, highlight=False)


def order(shown: Order) -> Table:
    """One order, a member a line."""
    table = Table(box=ROUNDED, show_header=False)
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    table.add_row("order", Text(printable(shown.order_id), style="bold"))
    table.add_row("reference", printed(shown.reference))
    table.add_row("customer", printed(shown.customer_entity_uid))
    table.add_row("status", status(shown))
    for name in ("requestedDate", "poRef", "notes"):
        if name in shown.json:
            table.add_row(name, printed(shown.json[name]))
    table.add_row("created", printed(f"{minute(shown.created_date)} UTC by {shown.json.get('createdBy', '-')}"))
    table.add_row("modified", printed(f"{minute(shown.modified_date)} UTC by {shown.json.get('modifiedBy', '-')}"))
    if shown.information:
        table.add_row("information", printed(shown.information))
    if shown.derived_fields:
        table.add_row("derived", Group(*derived(shown)))
    return table


def preview(shown: Preview) -> RenderableType:
    """What would be derived, a field a row with its whole value; below it what is missing."""
    lines: list[RenderableType] = []
    if shown.derived_fields:
        table = Table(box=ROUNDED, expand=True)
        for name, share in PREVIEW_COLUMNS.items():
            table.add_column(name, overflow="fold", ratio=share)
        for row in shown.derived_fields:
            table.add_row(printed(row["pointer"]), printed(_text(row["value"])), printed(_where_from(row)))
        one = shown.derived_fields[0]  # one portfolio gives all of them
        lines += [table, printed(f"Portfolio {one['portfolioUid']}, version {one['version']}.")]
    else:
        lines.append(printed("Nothing would be derived: the order has all that the portfolio gives."))
    if shown.missing:
        lines.append(Text("Missing, so it would not be submitted:", style="yellow"))
        lines += [printed(f"  {pointer}") for pointer in shown.missing]
    return Group(*lines)


def orders(found: Iterable[Order]) -> Table:
    """A search: an order a row, whole on a terminal of 80 columns."""
    table = Table(box=ROUNDED)
    table.add_column("created (UTC)", no_wrap=True)
    table.add_column("order", overflow="fold", min_width=UUID_LENGTH)
    table.add_column("status and code", overflow="fold")
    for shown in found:
        named = printed(f"{shown.reference}\n").append(printable(shown.order_id), style="dim")
        table.add_row(minute(shown.created_date), named, status(shown))
    return table


def timeline(events: Iterable[Event]) -> Table:
    """The events of one order: an event a row."""
    table = Table(box=ROUNDED)
    table.add_column("", justify="right")
    for name in ("time (UTC)", "event", "from → to", "by"):
        table.add_column(name)
    for event in events:
        table.add_row(str(event.sequence), f"{event.time:%Y-%m-%d %H:%M:%S}", *told(event))
    return table


def failures(items: Iterable[Mapping[str, Any]]) -> Table:
    """The lines of a batch that made no order: a line a row."""
    table = Table(box=ROUNDED)
    table.add_column("line", justify="right")
    table.add_column("field", overflow="fold")
    table.add_column("what is wrong", overflow="fold")
    for item in items:
        error = item["error"]
        table.add_row(str(error["line"]), printed(error["param"]), printed(error["message"]))
    return table


def told(event: Event) -> tuple[Text, Text, Text]:
    """What happened, from which status to which, and who did it."""
    return (
        printed(event.type),
        printed(f"{event.previous_status or '-'} → {event.status}"),
        printed(event.actor),
    )


def status(shown: Order) -> Text:
    """The status in its colour; below it the detailed status, if that says more, and the code."""
    words = Text(printable(shown.status), style=COLOURS.get(shown.status, ""))
    detailed = shown.detailed_status if shown.detailed_status != shown.status else None
    more = [f"\n{printable(word)}" for word in (detailed, shown.code) if word]
    return words.append("".join(more), style="dim")


def derived(shown: Order) -> list[Text]:
    """A few of the derived fields, a line each: field = value (origin)."""
    rows, lines = shown.derived_fields, []
    for row in _varied(rows)[:DERIVED_LINES]:
        path = ".".join(row["pointer"].split("/")[1:][-PATH_MEMBERS:])
        value = printable(_value(row["value"]))
        lines.append(Text.assemble(f"{path} = ", (value, "bold"), (f" ({row['origin']})", "dim")))
    if len(rows) > DERIVED_LINES:
        lines.append(Text(f"… and {len(rows) - DERIVED_LINES} more", style="dim"))
    return lines


def _varied(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
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
    text = _text(value)
    return text if len(text) <= VALUE_LENGTH else text[: VALUE_LENGTH - 1] + "…"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _where_from(row: Mapping[str, Any]) -> str:
    """The rule, which mostly begins with the origin."""
    rule, origin = str(row["rule"]), str(row["origin"])
    return rule if rule.startswith(origin) else f"{origin}: {rule}"


def minute(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M}"


def printed(value: object) -> Text:
    """A value from outside: no markup, nothing that acts on the terminal."""
    return Text(printable(str(value)))


def printable(text: str) -> str:
    """The text without characters that would move a terminal's cursor or turn its writing around; lines stay lines."""
    return "".join(each if each.isprintable() or each == "\n" else "\N{REPLACEMENT CHARACTER}" for each in text)
