"""`hardware-orders top`: how the system stands, in a terminal. It reads the samples that the dashboard's *Now* shows."""

# ruff: noqa: PLC0415  # as in cli.py
import json
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hardware_orders.api_key_commands import opened

if TYPE_CHECKING:
    from rich.console import RenderableType

    from hardware_orders.database import Database
    from hardware_orders.sampling.sample import Sample

# A relay takes a sample a second.
REFRESH_SECONDS = 1.0
# What the small charts show: a point for every ten seconds.
HISTORY_SECONDS = 600
NO_SAMPLE = "No sample has been taken yet. The relay takes one every second; is it running?"
DATABASE_AWAY = "The database does not answer; trying again."
_BARS = "▁▂▃▄▅▆▇█"

app = typer.Typer()


@app.command()
def top(
    *,
    once: Annotated[bool, typer.Option("--once", help="Print it once and end, as where there is no terminal.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print it once as JSON.")] = False,
) -> None:
    """Show how the system stands, each second anew: rates, waits, statuses, workers. Ctrl-C ends it.

    Reads the database alone, and changes nothing. Ends with 1 when it was to print and there is no sample.
    """
    with opened("samples") as database:
        if as_json or once or not sys.stdout.isatty():
            _print(_read(database), as_json=as_json)
        else:
            _watch(database)


def _print(history: Sequence["Sample"], *, as_json: bool) -> None:
    from hardware_orders.client import tables

    if as_json:
        typer.echo(json.dumps(_as_json(history), ensure_ascii=False))
    elif history:
        tables.console().print(_drawn(history))
    else:
        typer.echo(NO_SAMPLE, err=True)
    if not history:
        raise typer.Exit(1)


def _watch(database: "Database") -> None:
    from rich.live import Live

    from hardware_orders.client import tables
    from hardware_orders.database import is_away

    with Live(console=tables.console(), screen=True, auto_refresh=False) as live:
        try:
            while True:
                try:
                    history = _read(database)
                    shown: RenderableType = _drawn(history) if history else NO_SAMPLE
                except Exception as error:
                    if not is_away(error):
                        raise
                    shown = DATABASE_AWAY
                live.update(shown, refresh=True)
                time.sleep(REFRESH_SECONDS)
        except KeyboardInterrupt:
            return


def _read(database: "Database") -> list["Sample"]:
    """The samples of the last minutes, ten seconds apart, and the newest whatever its age; none before the first."""
    from hardware_orders.sampling import sample

    with database.read() as connection:
        newest = sample.newest(connection)
        if newest is None:
            return []
        history = sample.history(connection, newest.second - HISTORY_SECONDS)
    return [*(one for one in history if one.second < newest.second), newest]


def _as_json(history: Sequence["Sample"]) -> dict[str, Any]:
    """`sample` as the sampler wrote it, null before the first; with `at`, `age` in seconds, `rates` and `alarms`."""
    if not history:
        return {"at": None, "age": None, "rates": None, "alarms": [NO_SAMPLE], "sample": None}
    newest = history[-1]
    age = _age(newest)
    at = datetime.fromtimestamp(newest.second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    rates = {name: _points(history)[-1][name] for name in ("received", "settled", "published")}
    return {"at": at, "age": round(age, 1), "rates": rates, "alarms": _alarms(newest, age), "sample": newest.data}


def _age(newest: "Sample") -> float:
    return max(time.time() - newest.second, 0.0)


def _alarms(newest: "Sample", age: float) -> list[str]:
    from hardware_orders.dashboard import now

    # How an API process sees the broker is known to that process alone.
    return now.alarms(newest.data, age, broker=True, events=newest.data["workers"] is not None)


def _points(history: Sequence["Sample"]) -> list[dict[str, float | None]]:
    from hardware_orders.dashboard import now

    # Rates of one second jump: the newest is compared with one some seconds older.
    smooth = [one for one in history[:-1] if one.second <= history[-1].second - 5]
    return [dict(zip(now.POINT, point, strict=True)) for point in now.points([*smooth, history[-1]])]


def _drawn(history: Sequence["Sample"]) -> "RenderableType":
    from rich.console import Group
    from rich.text import Text

    newest = history[-1]
    age = _age(newest)
    alarms = _alarms(newest, age)
    head = Text(f"Hardware Orders  {datetime.fromtimestamp(newest.second, UTC):%Y-%m-%d %H:%M:%S} UTC\n", style="bold")
    said = [Text(alarm, style="bold red") for alarm in alarms] or [Text("All is well.", style="green")]
    return Group(head, *said, Text(), _flow(history), Text(), _parts(newest.data), Text(), _workers(newest.data))


def _flow(history: Sequence["Sample"]) -> "RenderableType":
    from rich.table import Table

    from hardware_orders.dashboard.templates import duration, number

    points = _points(history)
    data, last = history[-1].data, points[-1]
    table = Table("", "now", "last ten minutes", box=None, pad_edge=False)
    table.columns[1].justify = "right"
    for name, title in (("received", "accepted /s"), ("settled", "settled /s"), ("published", "events published /s")):
        table.add_row(title, number(last[name]), _bars([point[name] for point in points]))
    table.add_row("waiting", number(last["waiting"]), _bars([point["waiting"] for point in points]))
    table.add_row("parked", number(last["parked"]), _bars([point["parked"] for point in points]))
    table.add_row("oldest wait", duration(data["waiting"]["oldest"] if data["waiting"]["count"] else None), "")
    for name in ("p50", "p95", "p99"):
        table.add_row(f"latency {name}", duration(last[name]), _bars([point[name] for point in points]))
    return table


def _parts(data: dict[str, Any]) -> "RenderableType":
    from rich.text import Text

    from hardware_orders.dashboard.templates import number

    statuses = "  ".join(f"{name} {number(count)}" for name, count in sorted(data["statuses"].items())) or "no orders"
    hooks = data["webhooks"]
    published = (
        "away" if data["published"] is None else f"at position {number(data['published'])} of {number(data['last'])}"
    )
    return Text(
        f"orders      {statuses}\nstream      {published}\nwebhooks    {hooks['endpoints']} endpoints, "
        f"{hooks['failing']} failing, {hooks['paused']} paused, {number(hooks['behind'])} events behind"
    )


def _workers(data: dict[str, Any]) -> "RenderableType":
    from rich.table import Table

    from hardware_orders.client.tables import printed
    from hardware_orders.dashboard.templates import duration, number

    if not data["workers"]:
        return "workers     " + ("none has given a sign of life" if data["workers"] == [] else "not known")
    table = Table("worker", "does", "bells answered", "last seen", box=None, pad_edge=False)
    for worker in data["workers"]:
        does, processed = "settling" if worker["active"] else "waiting", number(worker["processed"])
        table.add_row(printed(worker["name"]), does, processed, f"{duration(worker['silent'])} ago")
    return table


def _bars(values: Sequence[float | None]) -> str:
    most = max((value for value in values if value is not None), default=0) or 1
    return "".join(" " if value is None else _BARS[round(value / most * (len(_BARS) - 1))] for value in values)
