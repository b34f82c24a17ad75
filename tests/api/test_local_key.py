"""The local signing key: made once, readable by its owner alone, and refused with a sentence when it is of no use."""

import contextlib
import json
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Literal

import pytest
from joserfc.jwk import OKPKey

from hardware_orders.api import local_key
from hardware_orders.errors import WrongSettingError

RACING_PROCESSES = 3
RACING_THREADS = 8


# Loads the key of each path that it is given on a line, and answers with the key.
LOADER = """
import sys
from pathlib import Path
from hardware_orders.api import local_key

print("ready", flush=True)
for line in sys.stdin:
    print(local_key.load(Path(line.strip())).as_dict(private=True)["d"], flush=True)
"""


def _said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def _told(process: subprocess.Popen[str], path: Path) -> None:
    assert process.stdin is not None
    process.stdin.write(f"{path}\n")
    process.stdin.flush()


def test_a_missing_key_is_made_with_its_folder_for_the_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "key.json"
    made = local_key.load(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert local_key.load(path).as_dict(private=True) == made.as_dict(private=True)
    assert list(path.parent.iterdir()) == [path]


def test_a_generous_umask_gives_nothing_away(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        local_key.load(tmp_path / "key.json")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "key.json").stat().st_mode) == 0o600


def test_processes_that_start_at_once_have_one_key(tmp_path: Path) -> None:
    command = [sys.executable, "-c", LOADER]
    with contextlib.ExitStack() as stack:
        started = [
            stack.enter_context(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
            for _ in range(RACING_PROCESSES)
        ]
        assert [_said(process) for process in started] == ["ready"] * RACING_PROCESSES
        for number in range(20):
            path = tmp_path / f"{number}.json"
            for process in started:
                _told(process, path)
            keys = {_said(process) for process in started}
            assert keys == {local_key.load(path).as_dict(private=True)["d"]}
    assert len(list(tmp_path.iterdir())) == 20


def test_threads_that_start_at_once_have_one_key(tmp_path: Path) -> None:
    path, barrier = tmp_path / "key.json", threading.Barrier(RACING_THREADS)
    keys: list[object] = []

    def load() -> None:
        barrier.wait()
        try:
            keys.append(local_key.load(path).as_dict(private=True)["d"])
        except WrongSettingError as error:
            keys.append(error)

    threads = [threading.Thread(target=load) for _ in range(RACING_THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert keys == [local_key.load(path).as_dict(private=True)["d"]] * RACING_THREADS


def test_what_a_killed_process_left_behind_is_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / f"key.json.{os.getpid()}").write_text("half a ke")
    assert local_key.load(tmp_path / "key.json")


def _jwk(curve: Literal["Ed25519", "Ed448", "X25519"], *, private: bool = True) -> bytes:
    return json.dumps(OKPKey.generate_key(curve).as_dict(private=private)).encode()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"1",
        b'"x"',
        b"[]",
        b"{}",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"kty":"RSA"}',
        b'{"kty":"oct","k":"c2VjcmV0"}',
        b'{"kty":"OKP","crv":"Ed25519","x":1}',
        b'{"kty":"OKP","crv":"Ed25519","x":"!!"}',
        b'{"kty":"OKP","crv":"Ed25519","x":"AAAA"}',
        _jwk("Ed25519", private=False),
        _jwk("X25519"),
        _jwk("Ed448"),
    ],
    ids=lambda content: content[:30].decode("latin-1"),
)
def test_a_file_that_is_no_signing_key(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key.json"
    path.write_bytes(content)
    with pytest.raises(WrongSettingError, match=r"^The signing key .*key\.json cannot be used: \S"):
        local_key.load(path)
    assert path.read_bytes() == content


def test_a_refusal_does_not_show_the_key(tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    path.write_bytes(_jwk("Ed25519")[:-1])
    secret = json.loads(path.read_bytes() + b"}")["d"]
    with pytest.raises(WrongSettingError) as refused:
        local_key.load(path)
    assert secret not in str(refused.value)


def test_a_path_that_cannot_be_read_or_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path, tmp_path / "file" / "key.json"):
        with pytest.raises(WrongSettingError):
            local_key.load(path)
