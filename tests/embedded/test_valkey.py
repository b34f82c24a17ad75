import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
from kombu import Connection

from hardware_orders.embedded import valkey

WaitUntil = Callable[[Callable[[], bool]], None]


@contextmanager
def running(server: valkey.Server) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(server.child.argv, env=server.child.env, stdout=subprocess.DEVNULL)
    try:
        if server.child.is_ready:
            end = time.monotonic() + 30
            while not server.child.is_ready():
                assert process.poll() is None
                assert time.monotonic() < end
                time.sleep(0.01)
        yield process
    finally:
        process.terminate()
        assert process.wait(30) == 0


@pytest.fixture
def sockets(tmp_path: Path) -> Path:
    folder = tmp_path / "s"
    folder.mkdir()
    return folder


def test_its_data_is_kept_over_a_restart(tmp_path: Path, sockets: Path) -> None:
    for values in ([b"first"], [b"first", b"second"]):
        server = valkey.server(tmp_path, sockets)
        with running(server), redis.Redis.from_url(server.events_url) as client:
            client.rpush("list", values[-1])
            assert client.lrange("list", 0, -1) == values
    assert server.keeps_data


def test_both_addresses_work_also_in_a_folder_with_an_awkward_name(tmp_path: Path, sockets: Path) -> None:
    data_dir = tmp_path / "a b%20c#d?"
    data_dir.mkdir()
    server = valkey.server(data_dir, sockets)
    with (
        running(server),
        Connection(server.broker_url) as broker,
        redis.Redis.from_url(server.events_url) as events,
    ):
        with broker.SimpleQueue("bell") as queue:
            queue.put("ring")
            message = queue.get(timeout=30)
            assert message.payload == "ring"
            message.ack()
        assert events.ping()
        assert events.dbsize() == 0  # the broker's keys are in a database of their own
        assert events.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert events.config_get("appendfsync") == {"appendfsync": "everysec"}
        assert int(events.config_get("maxmemory")["maxmemory"]) == 2 * 1024**3


def test_nobody_else_may_use_its_socket(tmp_path: Path, sockets: Path) -> None:
    with running(valkey.server(tmp_path, sockets)):
        assert stat.S_IMODE((tmp_path / "valkey.sock").stat().st_mode) == 0o600


def test_a_path_too_long_for_a_socket_moves_only_the_socket(tmp_path: Path, sockets: Path) -> None:
    data_dir = tmp_path / ("long" * 30)
    data_dir.mkdir()
    server = valkey.server(data_dir, sockets)
    with running(server), redis.Redis.from_url(server.events_url) as client:
        assert client.ping()
        assert (sockets / "valkey.sock").is_socket()
        assert (data_dir / "valkey" / "appendonlydir").is_dir()


def test_a_server_left_behind_is_ended_before_the_next(tmp_path: Path, sockets: Path) -> None:
    with running(valkey.server(tmp_path, sockets)) as left:
        valkey.end_leftover(tmp_path)
        assert left.wait(30) == 0
        assert not valkey.is_answering(tmp_path / "valkey.sock")
    valkey.end_leftover(tmp_path)  # nothing there is nothing to do


def test_the_substitute_in_memory_serves_both_addresses(wait_until: WaitUntil) -> None:
    server = valkey._fake_redis()
    assert not server.keeps_data

    def is_listening() -> bool:
        try:
            return bool(events.ping())
        except redis.ConnectionError:
            return False

    with running(server), redis.Redis.from_url(server.events_url) as events:
        wait_until(is_listening)
        events.xadd("stream", {"event": "{}"}, id="1-0")
        with redis.Redis.from_url(server.broker_url) as broker:
            assert broker.dbsize() == 0
        assert events.xrange("stream") == [(b"1-0", {b"event": b"{}"})]
