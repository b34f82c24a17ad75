"""The tables: ratios first, because they are what another machine would give too."""

from collections.abc import Callable, Iterable, Sequence

from rich.console import Console
from rich.table import Table

from bench.measurement import Measurement
from bench.scenarios import SCENARIOS, Scenario
from bench.summary import Latencies, Spread, ratios, spread

PROCESSES = ("api", "worker", "relay", "redis", "postgres", "generator")
# What the project promises of the open loop at 1,000 orders a second, the scenario of this name.
PROMISED_RATE = "async-1000"
STREAM_P99_MS = 50.0
BEHIND_MS = 500.0  # the last events of a system that keeps up come with the last answers, not seconds later


def show(console: Console, measurements: Sequence[Measurement], machine: str) -> None:
    """Print everything; a table without rows is left out."""
    console.print()
    for table in (_ratios(measurements), _rates(measurements), _latencies(measurements), _cpu(measurements)):
        if table.row_count:
            console.print(table)
            console.print()
    for line in _open_loop_promises(measurements):
        console.print(line)
    console.print(f"Machine: {machine}", soft_wrap=True)
    for one in measurements:
        if not one.is_good:
            console.print(f"[red]{problem(one)}[/red]", soft_wrap=True)


def _open_loop_promises(measurements: Sequence[Measurement]) -> list[str]:
    """What the project promises at 1,000 orders a second, beside the medians of what was measured."""
    rounds = [one for one in measurements if one.scenario == PROMISED_RATE]
    stream = spread([one.stream.p99 for one in rounds if one.stream])
    drain = spread([one.drain_ms for one in rounds])
    if not (stream and drain):
        return []
    said = (
        ("commit to stream p99", stream.median, STREAM_P99_MS),
        ("last answer to done", drain.median, BEHIND_MS),
    )
    return [
        f"At 1,000 orders/s: {what} {ms:,.1f} ms, promised below {most:.0f} ms: {_held(is_held=ms < most)}"
        for what, ms, most in said
    ]


def _held(*, is_held: bool) -> str:
    return "[green]held[/green]" if is_held else "[red]not held[/red]"


def problem(one: Measurement) -> str:
    """What went wrong in a round that is not good."""
    refusal = f"; the first refusal: {one.first_refusal}" if one.first_refusal else ""
    return (
        f"{one.scenario}, round {one.round}: {one.errors} of {one.sent} orders not accepted, "
        f"{one.lost} accepted but not settled or not in the stream{refusal}"
    )


def _of(measurements: Iterable[Measurement]) -> list[tuple[Scenario, list[Measurement]]]:
    """The scenarios that were run, each with its rounds."""
    rounds = [(s, [one for one in measurements if one.scenario == s.name]) for s in SCENARIOS]
    return [(scenario, found) for scenario, found in rounds if found]


def _ratios(measurements: Sequence[Measurement]) -> Table:
    table = Table(title="Settled orders per second, as a multiple of the baseline's", title_justify="left")
    for name in ("", "min", "median", "max", "promised"):
        table.add_column(name, justify="right" if name else "left")
    baseline = [one.orders_per_second for one in measurements if one.scenario == "baseline"]
    for scenario, rounds in _of(measurements):
        if scenario.rate or scenario.system == "baseline" or len(rounds) != len(baseline):
            continue
        found = spread(ratios([one.orders_per_second for one in rounds], baseline))
        if found:
            times = (f"{value:.1f} x" for value in (found.min, found.median, found.max))
            table.add_row(scenario.title, *times, _verdict(scenario.claim, found.median))
    return table


def _verdict(claim: float | None, median: float) -> str:
    if claim is None:
        return ""
    return f"{claim:.0f} x: {_held(is_held=median >= claim)}"


def _rates(measurements: Sequence[Measurement]) -> Table:
    table = Table(title="Orders per second", title_justify="left")
    for name in ("", "settled: min", "median", "max", "accepted", "orders a round", "not accepted", "lost"):
        table.add_column(name, justify="right" if name else "left")
    for scenario, rounds in _of(measurements):
        settled = spread([one.orders_per_second for one in rounds])
        accepted = spread([one.accepted_per_second for one in rounds])
        if settled and accepted:
            cells = [f"{value:,.0f}" for value in (settled.min, settled.median, settled.max, accepted.median)]
            lost = sum(one.lost for one in rounds)
            table.add_row(
                scenario.title, *cells, f"{rounds[0].sent:,}", f"{sum(one.errors for one in rounds)}", f"{lost}"
            )
    return table


def _latencies(measurements: Sequence[Measurement]) -> Table:
    table = Table(title="Latency in milliseconds, medians of the rounds", title_justify="left")
    heads = (
        *("", "answer p50", "p95", "p99", "max"),
        *("commit to stream p50", "p99", "max", "sent to stream p50", "p99", "last answer to done"),
    )
    for name in heads:
        table.add_column(name, justify="right" if name else "left")
    for scenario, rounds in _of(measurements):
        answer = _medians(rounds, lambda one: one.accept, ("p50", "p95", "p99", "max"))
        stream = _medians(rounds, lambda one: one.stream, ("p50", "p99", "max"))
        whole = _medians(rounds, lambda one: one.whole, ("p50", "p99"))
        drain = _median([one.drain_ms for one in rounds])
        table.add_row(scenario.title, *answer, *stream, *whole, drain)
    return table


def _medians(
    rounds: Sequence[Measurement], pick: Callable[[Measurement], Latencies | None], names: Sequence[str]
) -> list[str]:
    found = [latency for one in rounds if (latency := pick(one))]
    return [_median([getattr(latency, name) for latency in found]) for name in names]


def _median(values: Sequence[float]) -> str:
    found: Spread | None = spread(values)
    return f"{found.median:,.1f}" if found else ""


def _cpu(measurements: Sequence[Measurement]) -> Table:
    table = Table(title="CPU per order in microseconds, by process, medians of the rounds", title_justify="left")
    for name in ("", *PROCESSES, "without generator"):
        table.add_column(name, justify="right" if name else "left")
    for scenario, rounds in _of(measurements):
        if not any(one.cpu_us.get("api") for one in rounds):
            continue
        cells = [_cpu_cell([one.cpu_us[name] for one in rounds if name in one.cpu_us]) for name in PROCESSES]
        totals = [sum(us for name, us in one.cpu_us.items() if name != "generator") for one in rounds]
        table.add_row(scenario.title, *cells, _cpu_cell(totals))
    return table


def _cpu_cell(values: Sequence[float]) -> str:
    found = spread(values)
    return f"{found.median:,.0f}" if found else ""
