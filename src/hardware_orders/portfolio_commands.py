"""`hardware-orders portfolio`: serve a portfolio file as the Portfolio Service would (docs/portfolio.md)."""

# ruff: noqa: PLC0415 - as in cli.py
import json
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hardware_orders import settings
from hardware_orders.errors import WrongSettingError

if TYPE_CHECKING:
    from hardware_orders.portfolio.check import Finding, Report

# The setting by which the lookup is given its token: one environment serves both.
TOKEN_VARIABLE = f"{settings.PREFIX}PORTFOLIO_TOKEN"

app = typer.Typer(help="Serve and check portfolio files.", no_args_is_help=True)


@app.command()
def serve(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="YAML or JSON; read again when it changes.")],
    *,
    host: Annotated[str, typer.Option(help="The address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port; 0 for one that is free.", min=0, max=65535)] = 8100,
    max_age: Annotated[int, typer.Option(help="For how many seconds an answer is fresh.", min=0, max=86_400)] = 60,
    token: Annotated[
        str | None,
        typer.Option(
            help=f"What callers must send as Bearer, or {TOKEN_VARIABLE}, which nobody else can read. Absent: nothing.",
            envvar=TOKEN_VARIABLE,
            show_envvar=False,
        ),
    ] = None,
    misbehave: Annotated[
        str | None, typer.Option(metavar="MODE", help="How to misbehave; `modes` lists the modes.", show_default=False)
    ] = None,
) -> None:
    """Serve the portfolios as a Portfolio Service over HTTP, for trials and tests: it can misbehave on request."""
    from hardware_orders import logging
    from hardware_orders.portfolio.file_source import FileSource
    from hardware_orders.portfolio_service.misbehaviour import BEHAVING, Misbehaviour, Mode
    from hardware_orders.portfolio_service.server import Server

    logging.configure(settings.load().log_format, "portfolio")
    if misbehave is not None and misbehave not in list(Mode):
        raise typer.BadParameter(f"it must be one of {', '.join(Mode)}", param_hint="--misbehave")
    source = FileSource(file)
    source(())
    if source.fault is not None:
        raise WrongSettingError(f"{source.fault} `hardware-orders portfolio check {file}` tells more.")
    if not token and not settings.is_loopback(host):
        typer.echo(f"Whoever reaches {host} can read these portfolios; --token asks them for one.", err=True)
    server = Server(
        source,
        host=host,
        port=port,
        max_age=max_age,
        token=token,
        misbehaviour=Misbehaviour(mode=Mode(misbehave)) if misbehave else BEHAVING,
        on_listening=lambda url: typer.echo(f"Serving {file} at {url}/portfolios. Ctrl-C ends it."),
    )
    # The server stops in order and then raises the signal once more, for whoever was there before it.
    signal.signal(signal.SIGTERM, lambda *_: None)
    server.run()


@app.command(epilog="Exit codes: 0 no mistakes, 1 mistakes, 2 the file cannot be read, or wrong usage.")
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="YAML or JSON; - for standard input.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON, for editors and CI.")] = False,
) -> None:
    """Tell everything that is wrong with a portfolio file, by line and column, and what is hardly meant."""
    from hardware_orders.client.tables import printable
    from hardware_orders.portfolio.check import check as check_content
    from hardware_orders.portfolio.document import read_bounded

    is_standard_input = str(file) == "-"
    try:
        if is_standard_input:
            content = read_bounded(sys.stdin.buffer)
        else:
            with file.open("rb") as opened:
                content = read_bounded(opened)
    except OSError as error:
        raise WrongSettingError(f"{file} cannot be read: {error.strerror}.") from None
    report = check_content(content, is_json=None if is_standard_input else file.suffix == ".json")
    if as_json:
        typer.echo(json.dumps([_as_json(finding) for finding in report.findings], ensure_ascii=False))
    else:
        for finding in report.findings:
            warning = "warning: " if finding.is_warning else ""
            where = f"{file}:{finding.place.line}:{finding.place.column}"
            typer.echo(printable(f"{where}: {warning}{finding.sentence}"))
        typer.echo(_summary(report))
    raise typer.Exit(1 if report.mistakes else 0)


def _as_json(finding: "Finding") -> dict[str, Any]:
    severity = "warning" if finding.is_warning else "mistake"
    line, column = finding.place.line, finding.place.column
    return {"line": line, "column": column, "severity": severity, "message": finding.sentence}


def _summary(report: "Report") -> str:
    if report.mistakes:
        return _count(report.mistakes, "mistake")
    parts = [f"{_count(report.portfolios, 'portfolio')} of {_count(report.customers, 'customer')}", "no mistakes"]
    return ", ".join([*parts, _count(len(report.findings), "warning")] if report.findings else parts)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


@app.command()
def schema() -> None:
    """Print the JSON Schema of portfolio files, for editors."""
    from hardware_orders.portfolio.schema import portfolio_schema

    typer.echo(json.dumps(portfolio_schema(), indent=1))


@app.command()
def modes() -> None:
    """List the ways in which `serve` can misbehave."""
    from hardware_orders.portfolio_service.misbehaviour import MEANINGS

    width = max(map(len, MEANINGS))
    for mode, meaning in MEANINGS.items():
        typer.echo(f"{mode:{width}}  {meaning}")
