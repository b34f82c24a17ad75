"""The table of batches: what one needs from end to end, and what single orders notice of it."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from bench.batch import Beside, Whole
from bench.measurement import Measurement
from bench.summary import spread

# What the project promises of a batch of 10,000 alone, and of single orders beside it.
TAKEN_IN_SECONDS, SETTLED_SECONDS, MEMORY_MIB = 5.0, 8.0, 50.0
MULTIPLE = 20.0
RATIO = 1.25


def show(console: Console, batches: Sequence[Whole | Beside], measurements: Sequence[Measurement]) -> None:
    """Print the table; nothing when no batch was run. Without the baseline's rounds there is no multiple of it."""
    wholes = [one for one in batches if isinstance(one, Whole)]
    if not wholes:
        return
    table = Table(title=f"A batch of {wholes[0].lines:,} orders, medians", title_justify="left")
    for name in ("", "measured", "promised"):
        table.add_column(name, justify="right" if name else "left")
    _add(table, "taken in", [one.taken_in_seconds for one in wholes], TAKEN_IN_SECONDS, "s")
    _add(table, "settled", [one.settled_seconds for one in wholes], SETTLED_SECONDS, "s")
    memory = [one.memory_mib for one in wholes if one.memory_mib is not None]
    _add(table, "more memory in the API", memory, MEMORY_MIB, "MiB")
    rate = spread([one.orders_per_second for one in wholes])
    baseline = spread([one.orders_per_second for one in measurements if one.scenario == "baseline"])
    if rate:
        table.add_row("end to end", f"{rate.median:,.0f} orders/s", "")
    if rate and baseline:
        multiple = rate.median / baseline.median
        table.add_row(
            "of the baseline's rate", f"{multiple:.1f} x", _verdict(f"{MULTIPLE:.0f} x", multiple >= MULTIPLE)
        )
    cpu = spread([sum(one.cpu_us.values()) for one in wholes if one.cpu_us])
    if cpu:
        table.add_row("CPU per order", f"{cpu.median:,.0f} us", "")
    for one in batches:
        if isinstance(one, Beside):
            said = f"{one.ratio:.2f} x ({one.alone_ms:.1f} ms, then {one.beside_ms:.1f} ms)"
            table.add_row(
                f"p50 of single orders beside it, {one.mode}", said, _verdict(f"{RATIO} x", one.ratio <= RATIO)
            )
            table.add_row("  the batch meanwhile", f"{one.lines_per_second:,.0f} orders/s", "")
    console.print(table)
    for one in batches:
        if not one.is_good:
            console.print(f"[red]Not all orders were accepted and settled: {one}[/red]", soft_wrap=True)


def _add(table: Table, what: str, values: Sequence[float], most: float, unit: str) -> None:
    found = spread(values)
    if found:
        table.add_row(what, f"{found.median:,.1f} {unit}", _verdict(f"< {most:.0f} {unit}", found.median < most))


def _verdict(promised: str, is_held: bool) -> str:  # noqa: FBT001 - a verdict's own word
    return f"{promised}: " + ("[green]held[/green]" if is_held else "[red]not held[/red]")
