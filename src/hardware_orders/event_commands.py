"""`hardware-orders events`: follow what happens, at a running service; and verify what its stores hold (docs/events.md)."""

# ruff: noqa: PLC0415  # as in cli.py
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from hardware_orders import settings
from hardware_orders.errors import WrongSettingError
from hardware_orders.order_commands import EXIT_CODES, AsJson, Token, Url, complain, service

if TYPE_CHECKING:
    from hardware_orders.client import Event
    from hardware_orders.database import Database
    from hardware_orders.delivery.stream import Entries
    from hardware_orders.verification.walk import Report

FAULTY = 1
SHOWN_FAULTS = 50

app = typer.Typer(
    help="Follow the events of all orders, and verify that none is missing or altered.", no_args_is_help=True
)


@app.command(epilog=EXIT_CODES)
def tail(
    *,
    after: Annotated[
        int | None, typer.Option(min=0, help="Begin behind this position. Absent: now.", show_default=False)
    ] = None,
    from_start: Annotated[bool, typer.Option("--from-start", help="Begin with the first event.")] = False,
    kinds: Annotated[
        list[str] | None, typer.Option("--type", help="Only this type, such as order.submitted; may be repeated.")
    ] = None,
    customers: Annotated[
        list[str] | None, typer.Option("--customer", help="Only this customerEntityUid; may be repeated.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print each event as a line of JSON.")] = False,
    url: Url = None,
    token: Token = None,
) -> None:
    """Print events as they come, until Ctrl-C; while the service is away, wait for it."""
    if from_start and after is not None:
        raise typer.BadParameter("give --after or --from-start, not both", param_hint="--from-start")
    begin = 0 if from_start else after
    with service(url, token) as client:
        try:
            found = client.follow(
                after=begin, types=kinds or (), customers=customers or (), on_away=lambda error: complain(str(error))
            )
            for event in found:
                typer.echo(json.dumps(dict(event.json)) if as_json else _line(event))
                sys.stdout.flush()
        except KeyboardInterrupt:
            raise typer.Exit(0) from None
        except BrokenPipeError:  # `| head` has read enough
            sys.stderr.close()
            raise typer.Exit(0) from None


@app.command(epilog="Exit codes: 0 all is well, 1 there are faults, 2 wrong usage or setting.")
def verify(*, as_json: AsJson = False) -> None:
    """Check hash chains, sequences, positions, rows and stream, in the database and Redis that the settings name."""
    from hardware_orders.verification import walk

    with _stores() as (database, stream), _progress(is_shown=not as_json) as tell:
        report = walk.verify(database, stream, tell)
    if as_json:
        typer.echo(json.dumps(_as_json(report, is_stream_read=stream is not None)))
    else:
        _show(report, is_stream_read=stream is not None)
    if report.faults:
        raise typer.Exit(FAULTY)


def _line(event: "Event") -> str:
    """An event in a line: the least that says what happened to which order."""
    from hardware_orders.client.tables import printable

    moved = f"{event.previous_status or '-'} → {event.status}"
    reference = (event.json["data"].get("order") or {}).get("orderReference", "")
    said = f"{event.position:>9} {event.time:%Y-%m-%d %H:%M:%S} {event.type:<16} {moved:<24} {event.json['subject']}"
    return printable(f"{said} {reference} ({event.actor})")


@contextmanager
def _stores() -> "Iterator[tuple[Database, Entries | None]]":
    """The database and the stream of these settings, or of the embedded default, whose stream is there while it runs.

    Raises WrongSettingError when the database is not there, or this login may not read it.
    """
    from hardware_orders import migrations
    from hardware_orders.database import Database, DatabaseRole, is_forbidden
    from hardware_orders.delivery.stream import Entries

    configuration = settings.load()
    if configuration.is_embedded:
        path = configuration.data_dir.absolute() / "orders.db"
        if not path.exists():
            raise WrongSettingError(f"There is no database in {path.parent} yet: run `hardware-orders up` first.")
        socket = path.parent / "valkey.sock"
        database_url, events_url = f"sqlite:///{path}", f"unix://{socket}?db=1" if socket.exists() else None
    else:
        database_url, events_url = configuration.database, configuration.events
    for role in (DatabaseRole.RELAY, DatabaseRole.CALLER):
        migrations.require_role(database_url, role)
    database = Database(database_url, role=DatabaseRole.RELAY, connections=3, statement_ms=60_000)
    stream = Entries(events_url) if events_url else None
    try:
        migrations.require_current(database)
        yield database, stream
    except Exception as error:
        if not is_forbidden(error):
            raise
        raise WrongSettingError(
            "This login may not read the events: use that of the services, or of the tables' owner (docs/postgresql.md)."
        ) from None
    finally:
        database.dispose()
        if stream:
            stream.close()


@contextmanager
def _progress(*, is_shown: bool) -> "Iterator[Callable[[str, int, int], None]]":
    """A bar for each check, on a terminal."""
    from rich.console import Console
    from rich.progress import Progress, TaskID

    bars: dict[str, TaskID] = {}
    with Progress(
        console=Console(stderr=True), disable=not (is_shown and sys.stderr.isatty()), transient=True
    ) as drawn:

        def tell(check: str, done: int, total: int) -> None:
            if check not in bars:
                bars[check] = drawn.add_task(check, total=total)
            drawn.update(bars[check], completed=done)

        yield tell


def _as_json(report: "Report", *, is_stream_read: bool) -> dict[str, object]:
    return {
        "orders": report.orders,
        "events": report.events,
        "unnumbered": report.unnumbered,
        "firstPosition": report.first,
        "lastPosition": report.last,
        "streamEntries": report.entries if is_stream_read else None,
        "faults": [
            {"check": fault.check, "orderId": fault.order_id, "position": fault.position, "message": fault.sentence}
            for fault in report.faults
        ],
        "areMore": report.is_cut,
    }


def _show(report: "Report", *, is_stream_read: bool) -> None:
    from rich.box import ROUNDED
    from rich.table import Table

    from hardware_orders.client import tables

    summary = Table(box=ROUNDED)
    for name in ("check", "looked at", "faults"):
        summary.add_column(name)
    stream = f"{report.entries:,} entries" if is_stream_read else "not looked at: the system does not run"
    rows = {
        "orders": f"{report.orders:,} orders, {report.events:,} events",
        "positions": f"{report.first:,} to {report.last:,}; {report.unnumbered:,} without one yet",
        "stream": stream,
    }
    for check, looked_at in rows.items():
        count = sum(fault.check == check for fault in report.faults)
        summary.add_row(check, looked_at, f"[red]{count}[/red]" if count else "none")
    console = tables.console()
    console.print(summary)
    for fault in report.faults[:SHOWN_FAULTS]:
        console.print(tables.printed(str(fault)))
    if report.is_cut or len(report.faults) > SHOWN_FAULTS:
        console.print("… and more; --json shows up to 1,000.")
