"""`python -m bench`: starts everything, warms it up, runs the rounds, prints the tables, and takes everything down."""

import argparse
import contextlib
import json
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from bench import batch, batch_report, machine, report, systems
from bench.errors import BenchFailedError
from bench.measurement import Measurement, measure
from bench.scenarios import SCENARIOS, Scenario
from bench.servers import POSTGRES_URL, POSTGRES_VARIABLE, postgres, redis_server
from bench.systems import System

WARM_UP_SHARE = 0.2
FULL = {"rounds": 3, "count": 15_000, "seconds": 10.0}
QUICK = {"rounds": 2, "count": 4_000, "seconds": 3.0}

# Wide enough for the tables where a pipe or a file has no width.
console = Console(highlight=False, width=None if sys.stdout.isatty() else 140)


def main() -> int:
    """Returns the exit code: 0 when every order that was sent was accepted, settled and seen in the stream."""
    options = _options()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    chosen = [scenario for scenario in SCENARIOS if not options.only or scenario.name in options.only]
    started_at = time.monotonic()
    try:
        with (
            tempfile.TemporaryDirectory(prefix="orders-bench-") as folder,
            _started(chosen, Path(folder), with_batches=_wants_batches(options)) as started,
        ):
            running, description = started
            measurements = _run(options, chosen, running)
            batches = _run_batches(running["project"]) if _wants_batches(options) and "project" in running else []
    except BenchFailedError as error:
        console.print(f"[red]{error}[/red]", soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        console.print("Stopped; everything that was started has ended.")
        return 130
    report.show(console, measurements, description)
    batch_report.show(console, batches, measurements)
    if options.json:
        _write(options.json, description, measurements, batches)
    console.print(f"Done in {time.monotonic() - started_at:.0f} s.")
    everything = [*measurements, *batches]
    return 0 if everything and all(one.is_good for one in everything) else 1


def _wants_batches(options: argparse.Namespace) -> bool:
    return not options.only or batch.NAME in options.only


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measures the project beside a baseline.")
    parser.add_argument("--quick", action="store_true", help="fewer and smaller rounds, in less than two minutes")
    parser.add_argument("--rounds", type=_positive, help="rounds that count (3; quick: 2)")
    parser.add_argument("--count", type=_positive, help="orders of a closed-loop round; the slower get a share of it")
    names = [*(scenario.name for scenario in SCENARIOS), batch.NAME]
    parser.add_argument("--only", nargs="+", choices=names, metavar="SCENARIO", help=f"some of: {', '.join(names)}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every round's numbers there, too")
    options = parser.parse_args()
    size = QUICK if options.quick else FULL
    options.rounds = options.rounds or int(size["rounds"])
    options.count = options.count or int(size["count"])
    options.seconds = size["seconds"]
    return options


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _interrupt(_number: int, _frame: object) -> None:
    """Unwind once; a second Ctrl-C must not interrupt the taking down."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    console.print("\nStopping ...")
    raise KeyboardInterrupt


@contextlib.contextmanager
def _started(chosen: list[Scenario], folder: Path, *, with_batches: bool) -> Iterator[tuple[Mapping[str, System], str]]:
    """The systems that these scenarios need, by name, and the machine. Without PostgreSQL only the embedded one.

    Raises BenchFailedError when nothing is left to measure. Removes from `chosen` what cannot be run.
    """
    with contextlib.ExitStack() as stack:
        running: dict[str, System] = {}
        versions = {"postgres": "", "redis": ""}
        wanted = {scenario.system for scenario in chosen} | ({"project"} if with_batches else set())
        if wanted & {"baseline", "project"}:
            versions |= _start_on_servers(stack, wanted, folder, running)
        if "embedded" in wanted:
            console.print("Starting the embedded default ...")
            running["embedded"] = stack.enter_context(systems.embedded(_made(folder / "embedded")))
        chosen[:] = [scenario for scenario in chosen if scenario.system in running]
        if not (chosen or (with_batches and "project" in running)):
            raise BenchFailedError("Nothing is left to measure.")
        yield running, machine.describe(**versions)


def _start_on_servers(
    stack: contextlib.ExitStack, wanted: set[str], folder: Path, running: dict[str, System]
) -> dict[str, str]:
    """Start what needs servers; returns their versions, none when there is no PostgreSQL."""
    database_server = stack.enter_context(postgres())
    if database_server is None:
        console.print(
            f"No PostgreSQL answers, so only the embedded default is measured, and there are no multiples. Start one "
            f"at {POSTGRES_URL}, or name another in {POSTGRES_VARIABLE}.",
            soft_wrap=True,
        )
        return {}
    broker = stack.enter_context(redis_server(_made(folder / "redis")))
    makers: dict[str, Callable[..., contextlib.AbstractContextManager[System]]] = {
        "baseline": systems.baseline,
        "project": systems.project,
    }
    for name, make in makers.items():
        if name in wanted:
            console.print(f"Starting the {name} ...")
            running[name] = stack.enter_context(make((database_server, broker), _made(folder / name)))
    return {"postgres": database_server.version, "redis": broker.version}


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _run(options: argparse.Namespace, chosen: Sequence[Scenario], running: Mapping[str, System]) -> list[Measurement]:
    """A warm-up of every system that is not counted, then the rounds, every scenario once in each."""
    console.print("Warming up ...")
    for scenario in chosen:
        if not scenario.rate:
            count = scenario.count(closed=round(options.count * WARM_UP_SHARE), seconds=1)
            warm_up = measure(scenario, running[scenario.system], 0, count)
            if not warm_up.is_good:
                raise BenchFailedError(f"The warm-up failed: {report.problem(warm_up)}")
    measurements = []
    for number in range(1, options.rounds + 1):
        for scenario in chosen:
            count = scenario.count(closed=options.count, seconds=options.seconds)
            one = measure(scenario, running[scenario.system], number, count)
            measurements.append(one)
            said = f"{one.orders_per_second:,.0f} orders/s" if one.is_good else f"[red]{report.problem(one)}[/red]"
            console.print(f"Round {number} of {options.rounds}: {scenario.title}: {said}", soft_wrap=True)
    return measurements


def _run_batches(system: System) -> list[batch.Whole | batch.Beside]:
    """A batch alone, then single orders without and within one; some 35 seconds."""
    console.print(f"A batch of {batch.LINES:,}, alone and beside single orders ...")
    found: list[batch.Whole | batch.Beside] = [batch.whole(system) for _ in range(batch.WHOLES)]
    return found + [batch.beside(system, mode) for mode in batch.MODES]


def _write(
    path: Path,
    description: str,
    measurements: Sequence[Measurement],
    batches: Sequence[batch.Whole | batch.Beside],
) -> None:
    rounds = [asdict(one) for one in measurements]
    document = {"machine": description, "rounds": rounds, "batches": [asdict(one) for one in batches]}
    path.write_text(json.dumps(document, indent=2) + "\n")
    console.print(f"Every round's numbers are in {path}.")


if __name__ == "__main__":
    sys.exit(main())
