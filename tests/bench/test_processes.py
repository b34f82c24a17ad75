import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import cpu
from bench.errors import BenchFailedError
from bench.processes import free_ports, run_to_end, running
from bench.servers import psycopg_url
from bench.stream_reader import settled_order

BURN = "import time\nwhile time.process_time() < 0.1: pass\n"
PARENT = (
    f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {BURN!r}])\nprint('done', flush=True)\ninput()\n"
)

on_linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="CPU time is read from Linux's /proc")


@pytest.fixture
def parent() -> Iterator[subprocess.Popen[str]]:
    """A process that has done nothing itself; a child of it has used a tenth of a second, and has ended."""
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        process.stdout.readline()
        yield process
        process.kill()


@on_linux
def test_the_cpu_time_of_a_process_includes_its_ended_children(parent: subprocess.Popen[str]) -> None:
    seconds = cpu.of_trees({"parent": [parent.pid], "nobody": []})

    assert seconds["parent"] >= 0.1
    assert seconds["nobody"] == 0


@on_linux
def test_the_cpu_time_of_a_process_includes_its_living_children(parent: subprocess.Popen[str]) -> None:
    assert cpu.of_trees({"self": [os.getpid()]})["self"] >= cpu.of_trees({"parent": [parent.pid]})["parent"] + 0.0


@on_linux
def test_a_child_is_found_by_a_word_of_its_command(parent: subprocess.Popen[str]) -> None:
    assert cpu.children_by_word(os.getpid(), ("python", "relay")) == {"python": parent.pid}


def test_a_process_is_ended_with_the_block(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", "import time; time.sleep(1000)"]
    with running("sleeper", argv, os.environ, tmp_path, tmp_path) as process:
        assert process.popen.poll() is None
    assert process.popen.poll() is not None


def test_a_process_that_ends_early_is_told_with_its_last_lines(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", "raise SystemExit('no such table')"]
    with (
        running("api", argv, os.environ, tmp_path, tmp_path) as process,
        pytest.raises(BenchFailedError, match="api ended with exit code 1:\nno such table"),
    ):
        process.wait_until(lambda: False)


def test_a_command_that_fails_is_told(tmp_path: Path) -> None:
    with pytest.raises(BenchFailedError, match="went wrong"):
        run_to_end([sys.executable, "-c", "raise SystemExit('went wrong')"], os.environ, tmp_path)


def test_free_ports_are_each_given_once() -> None:
    ports = free_ports()

    assert len({next(ports) for _ in range(5)}) == 5


@pytest.mark.parametrize(
    ("server", "url"),
    [
        ("postgresql://postgres@127.0.0.1:5432", "postgresql://postgres@127.0.0.1:5432/bench"),
        ("postgresql://me@host/mine", "postgresql://me@host/bench"),
        ("postgresql://me@host/mine?sslmode=require", "postgresql://me@host/bench?sslmode=require"),
    ],
)
def test_a_database_url_is_the_servers_with_the_database(server: str, url: str) -> None:
    assert psycopg_url(server, "bench") == url


def test_a_settled_order_is_recognised_in_either_stream() -> None:
    project = b'{"type":"hardware-orders.order.drafted","time":"2026-11-23T09:05:00.500000Z",'
    project += b'"data":{"order":{"orderReference":"p-1"}}}'
    baseline = {b"order_reference": b"p-2", b"occurred_at": b"2026-11-23T09:05:00+00:00"}

    assert settled_order({b"event": project}) == ("p-1", 1795424700.5)
    assert settled_order(baseline) == ("p-2", 1795424700.0)


def test_a_received_order_is_not_settled_yet() -> None:
    assert settled_order({b"event": b'{"type":"hardware-orders.order.received"}'}) is None
