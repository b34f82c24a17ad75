"""`hardware-orders submit orders.ndjson`: sends a file of orders, shows how far it has come, and tells what failed."""

# ruff: noqa: PLC0415 - `hardware-orders --help` needs none of this
import hashlib
import itertools
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from hardware_orders.errors import WrongSettingError

if TYPE_CHECKING:
    from hardware_orders.client import Batch, Client

# What a person reads; the others are in the batch's items.
FAILURES_SHOWN = 50
# Ten thousand orders settle in seconds; a service without its workers should not keep a person for ever.
SETTLED_SECONDS = 60
# The service tells at once when all are settled; until then the bar moves this often.
LOOK_SECONDS = 1


def submit(
    client: "Client",
    file: Path,
    *,
    key: str | None,
    wait: int | None,
    as_json: bool,
    save_draft: bool,
    simplified: bool,
) -> bool:
    """Send the file's orders and wait up to `wait` seconds for them to be settled; true when every line made an order.

    Without a key of the caller's the key is the file's own, so that the same file sent again goes on where it broke, and
    makes no second order. Raises WrongSettingError for a file that cannot be read, and what the client raises.
    """
    from rich.console import Console
    from rich.progress import Progress

    from hardware_orders import order_files
    from hardware_orders.client import tables

    count, digest = _looked_through(file)
    if not count:
        raise WrongSettingError(f"{file} holds no order.")
    with Progress(console=Console(stderr=True), transient=True) as progress:
        sent, settled = progress.add_task("sent", total=count), progress.add_task("settled", total=count)

        def lines() -> Iterator[bytes]:
            progress.update(sent, completed=0)
            for line in order_files.lines(file):
                yield line
                progress.advance(sent)

        options = {"save_draft": save_draft, "simplified": simplified}
        try:
            batch = client.submit_batch(lines, idempotency_key=key or digest, **options)
        except KeyboardInterrupt:
            typer.echo("Stopped. What was sent is kept: the same command goes on from there.", err=True)
            raise
        sent_before = _sent_before(batch)
        end = time.monotonic() + (SETTLED_SECONDS if wait is None else wait)
        while not batch.is_settled and time.monotonic() < end:
            batch = client.batch(batch.batch_id, wait=LOOK_SECONDS)
            progress.update(settled, completed=batch.settled)
    failures = client.batch_items(batch.batch_id, "failed")
    if as_json:
        told = {name: member for name, member in batch.json.items() if name not in ("items", "nextCursor")}
        typer.echo(json.dumps({**told, "failures": list(failures)}))
        return not batch.failed
    if sent_before:
        typer.echo(sent_before)
    typer.echo(_told(batch))
    if batch.failed:
        tables.console().print(tables.failures(itertools.islice(failures, FAILURES_SHOWN)))
    return not batch.failed


def _sent_before(batch: "Batch") -> str | None:
    """What an earlier upload of the file had done; None when there was none."""
    if "resumedFrom" not in batch.json:
        return None
    first_new = batch.resumed_from
    return (
        "Nothing was new: every line had been sent before."
        if first_new is None
        else f"Went on from line {first_new + 1}."
    )


def _looked_through(file: Path) -> tuple[int, str]:
    """How many lines the file has, and a key of its own."""
    from hardware_orders import order_files

    count, digest = 0, hashlib.sha256()
    for line in order_files.lines(file):
        count += 1
        digest.update(line)
    return count, f"file-{digest.hexdigest()}"


def _told(batch: "Batch") -> str:
    shown = f" The first {FAILURES_SHOWN} of them:" if batch.failed > FAILURES_SHOWN else ""
    return f"Batch {batch.batch_id}: {batch.accepted} accepted, {batch.settled} settled, {batch.failed} failed.{shown}"
