"""What the bodies of all requests in hand hold together."""

import asyncio
from typing import Any

import pytest

from hardware_orders.api import bodies
from hardware_orders.api.bodies import Bodies, read
from hardware_orders.api.problems import Problem
from hardware_orders.errors import OverloadedError
from tests.api.requests import with_body


def test_what_is_held_is_bounded_and_released_with_its_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "HELD_MOST_BYTES", 10)
    held = Bodies()
    one: dict[str, Any] = {}
    other: dict[str, Any] = {}
    held.hold(one, 4)
    held.hold(other, 4)
    held.hold(one, 2)
    with pytest.raises(OverloadedError):
        held.hold(other, 1)
    held.release(other)
    held.hold(other, 4)
    held.release({})
    with pytest.raises(OverloadedError):
        held.hold(other, 1)


def test_a_body_is_counted_as_it_arrives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "HELD_MOST_BYTES", 10)
    first, second = with_body(b"12345", b"67"), with_body(b"123", b"4")
    second.scope["app"] = first.app
    assert asyncio.run(read(first)) == b"1234567"
    with pytest.raises(OverloadedError):
        asyncio.run(read(second))


@pytest.mark.parametrize("answered", [True, False])
def test_the_application_releases_what_a_request_held(monkeypatch: pytest.MonkeyPatch, *, answered: bool) -> None:
    monkeypatch.setattr(bodies, "HELD_MOST_BYTES", 10)
    request = with_body(b"1234567890")

    async def hold_and_end(*_arguments: Any) -> None:
        request.app.state.bodies.hold(request.scope, 10)
        if not answered:
            raise ConnectionError

    request.app.middleware_stack = hold_and_end
    for _ in range(3):
        request.scope.pop("hardware_orders.body_bytes", None)
        try:
            asyncio.run(request.app(request.scope, request.receive, hold_and_end))
        except ConnectionError:
            assert not answered
    request.app.state.bodies.hold({}, 10)


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [
        (b"content-length", str(bodies.BODY_MOST_BYTES + 1), 413),
        (b"content-encoding", "gzip", 415),
        (b"content-encoding", "identity", None),
        (b"transfer-encoding", "gzip, chunked", 400),
        (b"transfer-encoding", "Chunked", None),
        (b"content-type", "application/json", 400),
    ],
)
def test_what_describes_the_body_is_looked_at_before_it_is_read(name: bytes, value: str, status: int | None) -> None:
    request = with_body(b"{}")
    request.scope["headers"].append((name, value.encode()))
    if status is None:
        assert asyncio.run(read(request)) == b"{}"
        return
    with pytest.raises(Problem) as refused:
        asyncio.run(read(request))
    assert refused.value.status == status
