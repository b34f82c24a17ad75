"""`hardware-orders top`: what it prints from the samples of a database, and that Ctrl-C is its end and no error."""

import json
import os
import pty
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from hardware_orders.cli import app
from hardware_orders.database import Database
from hardware_orders.sampling import sample
from hardware_orders.sampling.sample import Sample
from tests.system import eventually

NOBODY_KNOWS = {"p50": None, "p95": None, "p99": None}


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["top", *words])


def data(received: int) -> dict[str, Any]:
    return {
        "position": 2 * received,
        "statuses": {"SUBMITTED": received},
        "received": received,
        "settled": received,
        "last": 2 * received,
        "published": 2 * received,
        "unnumbered": {"count": 0, "oldest": 0},
        "waiting": {"count": 3, "oldest": 1.5},
        "waits": NOBODY_KNOWS,
        "latency": {"p50": 0.02, "p95": 0.03, "p99": 0.04},
        "stalled": 0,
        "webhooks": {"endpoints": 2, "failing": 0, "paused": 0, "behind": 0},
        "portfolios": {"source": "file"},
        "parked": {"POISON": 1},
        "workers": [{"name": "worker-7", "active": 1, "processed": 12, "silent": 0.4}],
    }


@pytest.fixture(autouse=True)
def environment(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARDWARE_ORDERS_DATABASE_URL", database_url)


def take(database: Database) -> None:
    with database.write() as connection:
        now = int(database.now(connection).timestamp())
        for ago, received in ((20, 100), (10, 200), (0, 300)):
            sample.add(connection, Sample(now - ago, data(received)))


def test_before_the_first_sample_it_says_so_and_ends_with_1() -> None:
    printed = run("--once")
    assert (printed.exit_code, printed.stdout) == (1, "")
    assert "No sample has been taken yet." in printed.stderr
    as_json = run("--json")
    assert (as_json.exit_code, json.loads(as_json.stdout)["sample"]) == (1, None)


def test_it_prints_the_newest_sample_with_rates_since_the_one_before(database: Database) -> None:
    take(database)
    printed = run()  # where there is no terminal
    assert printed.exit_code == 0, printed.output
    for shown in ("All is well.", "accepted /s", "SUBMITTED 300", "at position 600 of 600", "worker-7", "2 endpoints"):
        assert shown in printed.stdout
    told = json.loads(run("--json").stdout)
    assert told["sample"] == data(300)
    assert told["rates"] == {"received": 10, "settled": 10, "published": 20}
    assert told["alarms"] == []


def test_on_a_terminal_it_goes_on_until_ctrl_c_which_is_no_error(database: Database, tmp_path: Path) -> None:
    take(database)
    ours, its = pty.openpty()
    shown: list[bytes] = []

    def read() -> None:
        try:
            while part := os.read(ours, 65536):
                shown.append(part)
        except OSError:
            return  # it has ended, and its terminal with it

    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100", "LINES": "40"}
    command = [sys.executable, "-m", "hardware_orders", "top"]
    process = subprocess.Popen(command, stdin=its, stdout=its, stderr=its, env=environment, cwd=tmp_path)
    os.close(its)
    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        eventually(lambda: b"".join(shown).count(b"Hardware Orders") >= 2, 60)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
        reader.join(10)
        os.close(ours)
    assert b"Traceback" not in b"".join(shown)
