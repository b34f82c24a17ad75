"""The limit of each caller's requests, over HTTP, on a system that has one."""

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system import System, order, running

BOB = "00000000-0000-4000-8000-00000000000b"


@pytest.fixture(scope="module")
def limited() -> Iterator[System]:
    with tempfile.TemporaryDirectory(prefix="ho-") as folder:
        settings = {"DATA_DIR": f"{folder}/data", "RATE_LIMIT": "5/hour"}
        with running(Path(folder), settings) as system:
            yield system


def test_every_answer_says_what_is_left_and_what_is_more_is_refused(limited: System) -> None:
    left = []
    with limited.client() as client:
        for path in ("/orders/1", "/nowhere", "/healthz", "/orders/hardware"):
            answer = client.get(path)
            assert answer.headers["ratelimit-policy"] == '"caller";q=5;w=3600'
            left.append(int(re.fullmatch(r'"caller";r=(\d);t=\d+', answer.headers["ratelimit"])[1]))  # type: ignore[index]
        assert left == [4, 3, 2, 1]
        assert client.post("/orders/hardware", json=order()).status_code == 200
        refused = client.post("/orders/hardware", json=order())
    assert (refused.status_code, refused.json()["type"]) == (429, "RATE_LIMIT_ERROR")
    assert refused.headers["content-type"] == "application/problem+json"
    assert 700 < int(refused.headers["retry-after"]) <= 720
    assert re.fullmatch(r'"caller";r=0;t=3[56]\d\d', refused.headers["ratelimit"])
    assert refused.headers["ratelimit-policy"] == '"caller";q=5;w=3600'


def test_others_have_buckets_of_their_own_and_who_is_not_signed_in_has_none(limited: System) -> None:
    with limited.client(sub=BOB) as client:
        assert client.post("/orders/hardware", json=order()).headers["ratelimit"].startswith('"caller";r=4;')
        for token in ("x.y.z", "x.y.z"):
            client.headers["Authorization"] = f"Bearer {token}"
            assert "ratelimit" not in client.post("/orders/hardware", json=order()).headers
        del client.headers["Authorization"]
        assert "ratelimit" not in client.get("/healthz").headers


def test_without_the_setting_nothing_is_said_of_it(system: System) -> None:
    with system.client() as client:
        assert "ratelimit" not in client.post("/orders/hardware", json=order()).headers
