"""The bytes of a request's body: their description, their size, and how many of all requests are held at once.

Their time is the connection's business, which hangs up on a request that trickles in (`connection.py`).
"""

from collections.abc import AsyncIterator, MutableMapping
from typing import Any

from fastapi import Request
from starlette.requests import ClientDisconnect

from hardware_orders.api.problems import Problem, invalid_field
from hardware_orders.errors import OverloadedError

# The contract's largest order, 1,000 points of interaction, needs about 1 MiB.
BODY_MOST_BYTES = 4 * 2**20
# Of all requests in hand, from the first byte to the answer. Text and parsed, each byte takes some seven in memory.
HELD_MOST_BYTES = 64 * 2**20

_MEDIA_TYPE, _LENGTH, _CODING, _TRANSFER = _DESCRIBING = (
    b"content-type",
    b"content-length",
    b"content-encoding",
    b"transfer-encoding",
)
_HELD = "hardware_orders.body_bytes"
STREAMED = "hardware_orders.streamed_body"
"""In the scope of a request whose body is dealt with while it arrives: its time is measured by what comes (`connection.py`)."""
# 100,000 orders of 5 KiB; a line is 1 KiB as a rule.
STREAM_MOST_BYTES = 512 * 2**20
NDJSON = "application/x-ndjson"


class Bodies:
    """What the bodies of an API process's requests hold together. Used on the event loop only."""

    def __init__(self) -> None:
        self._held = 0

    def hold(self, scope: MutableMapping[str, Any], size: int) -> None:
        """Count bytes for the request of this scope. Raises OverloadedError when there would be too many."""
        if self._held + size > HELD_MOST_BYTES:
            raise OverloadedError
        self._held += size
        scope[_HELD] = scope.get(_HELD, 0) + size

    def release(self, scope: MutableMapping[str, Any]) -> None:
        """Forget what the request held; it has been answered."""
        self._held -= scope.get(_HELD, 0)


async def read(request: Request) -> bytes:
    """The whole body, which is JSON by its description. Raises Problem 400, 413 or 415; OverloadedError.

    Counted while it arrives, because a chunked one does not say how long it will be. The rest of a body that is refused
    is thrown away by the server as it comes, so that the caller can read the answer.
    """
    _check_description(request, "application/json", BODY_MOST_BYTES)
    bodies: Bodies = request.app.state.bodies
    chunks: list[bytes] = []
    size = 0
    more = True
    while more:  # by hand: `request.stream()` is a generator, which costs more than all else here
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        more, chunk = message.get("more_body", False), message.get("body", b"")
        size += len(chunk)
        if size > BODY_MOST_BYTES:
            raise _too_large(BODY_MOST_BYTES)
        bodies.hold(request.scope, len(chunk))
        chunks.append(chunk)
    return b"".join(chunks)


def check_stream(request: Request) -> None:
    """Raise Problem 400, 413 or 415 unless the body is NDJSON by its description, and not too large."""
    _check_description(request, NDJSON, STREAM_MOST_BYTES)


async def stream(request: Request) -> AsyncIterator[bytes]:
    """The body as it arrives; nothing of it is held. Raises Problem 413."""
    request.scope[STREAMED] = True
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > STREAM_MOST_BYTES:
            raise _too_large(STREAM_MOST_BYTES)
        yield chunk


def _check_description(request: Request, wanted: str, most_bytes: int) -> None:
    described: dict[bytes, str] = {}
    for name, value in request.scope["headers"]:
        if name in _DESCRIBING:
            if name in described:
                raise invalid_field(name.decode().title(), "header_repeated", "must be sent once")
            described[name] = value.decode("latin-1").lower()
    media_type, _, parameters = described.get(_MEDIA_TYPE, "").partition(";")
    if media_type.strip() != wanted or not _is_utf8(parameters):
        raise Problem(415, f"Send the body as `Content-Type: {wanted}`, in UTF-8.")
    if described.get(_CODING, "identity").strip() != "identity":
        headers = {"Accept-Encoding": "identity"}  # RFC 9110, section 15.5.16
        raise Problem(415, "Send the body as it is, without Content-Encoding.", headers=headers)
    if described.get(_TRANSFER, "chunked").strip() != "chunked":
        raise invalid_field("Transfer-Encoding", "unknown_coding", "must be `chunked` and nothing else")
    if int(described.get(_LENGTH, "0")) > most_bytes:
        raise _too_large(most_bytes)


def _is_utf8(parameters: str) -> bool:
    """JSON has no parameter (RFC 8259, section 11); the one that many send must at least not say another encoding."""
    named = [parameter.partition("=") for parameter in parameters.split(";")]
    return all(value.strip().strip('"') == "utf-8" for name, _, value in named if name.strip() == "charset")


def _too_large(most_bytes: int) -> Problem:
    whose = "an order" if most_bytes == BODY_MOST_BYTES else "a batch"
    return Problem(413, f"The body is larger than the {most_bytes // 2**20} MiB that {whose} may have.")
