"""How an answer is spoilt: for each mode, what is sent in its place."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import replace
from functools import cache, partial
from typing import Any

from starlette.responses import Response, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from hardware_orders.portfolio_service.answers import Answer, of_members, problem
from hardware_orders.portfolio_service.misbehaviour import SECONDS_MOST, Misbehaviour, Mode

# Where a connection puts its transport, for answers that are not HTTP's (server.py).
TRANSPORT = "hardware_orders.transport"
MOVED_PATH = "/moved"
# Twice what a client of the contract reads.
HUGE_BYTES = 2 * 2**20
# Enough to fell a process that keeps it, and little enough for the one that makes it.
BOMB_BYTES = 64 * 2**20
CHUNK_BYTES = 64 * 2**10
NOBODY = "00000000-0000-4000-8000-000000000000"


def spoilt(answer: Answer, misbehaviour: Misbehaviour, query: str) -> ASGIApp:
    """What to send in place of the answer; `query` is the request's, to be redirected with."""
    mode, seconds = misbehaviour.mode, misbehaviour.seconds
    if mode in _TIMED:
        timed, usual = _TIMED[mode]
        return partial(timed, answer, usual if seconds is None else seconds)
    if mode is Mode.ERROR:
        return problem(misbehaviour.status, "This service was told to fail.").response()
    if mode is Mode.REDIRECT:
        return Response(status_code=302, headers={"Location": f"{MOVED_PATH}?{query}"})
    if mode in _RAW:
        return partial(_raw, _RAW[mode](answer))
    if mode in _SENT:
        return _SENT[mode](answer)
    # What is said of portfolios cannot be spoilt where there are none.
    change = _CHANGED.get(mode) if answer.portfolios else None
    return (change(answer) if change else answer).response()


def _without(answer: Answer, *names: str) -> Answer:
    return replace(answer, headers={name: value for name, value in answer.headers.items() if name not in names})


def _with(answer: Answer, portfolios: Iterable[dict[str, Any]]) -> Answer:
    """The answer about others, which its ETag tells apart."""
    other = of_members(portfolios, 0)
    return replace(other, headers={**other.headers, "Cache-Control": answer.headers["Cache-Control"]})


def _with_members(answer: Answer, **members: Any) -> Answer:
    return _with(answer, ({**portfolio, **members} for portfolio in answer.portfolios))


def _wrong_types(answer: Answer) -> Answer:
    portfolios = answer.portfolios
    return _with(answer, ({**p, "version": str(p["version"]), "isDefault": str(p["isDefault"])} for p in portfolios))


def _bomb(answer: Answer) -> Response:
    return Response(_compressed(), 200, {**_without(answer, "ETag").headers, "Content-Encoding": "gzip"})


@cache
def _compressed() -> bytes:
    return gzip.compress(b" " * BOMB_BYTES, mtime=0)


def _endless(answer: Answer) -> Response:
    async def chunks() -> AsyncIterator[bytes]:
        yield answer.body
        for _ in range(BOMB_BYTES // CHUNK_BYTES):
            yield b" " * CHUNK_BYTES

    return StreamingResponse(chunks(), answer.status, answer.headers)


def _half(answer: Answer) -> bytes:
    head = [f"HTTP/1.1 {answer.status} S", *(f"{name}: {value}" for name, value in answer.headers.items())]
    head.append(f"Content-Length: {len(answer.body) or 1000}")
    return "\r\n".join([*head, "", ""]).encode() + answer.body[: len(answer.body) // 2]


_RAW: dict[Mode, Callable[[Answer], bytes]] = {
    Mode.CLOSED: lambda _: b"",
    Mode.TRUNCATED: _half,
    Mode.NOT_HTTP: lambda _: b"220 portfolios.example.com ESMTP ready\r\n",
}
_SENT: dict[Mode, Callable[[Answer], Response]] = {
    Mode.NOT_FOUND: lambda _: problem(404, "There is no customer of this id.").response(),
    Mode.NOT_MODIFIED: lambda _: Response(status_code=304),
    Mode.GARBAGE: lambda answer: Response(b"<html>\xff\x00{[", 200, answer.headers),
    Mode.BOMB: _bomb,
    Mode.ENDLESS: _endless,
}
_CHANGED: dict[Mode, Callable[[Answer], Answer]] = {
    Mode.WRONG_TYPES: _wrong_types,
    Mode.WRONG_CUSTOMER: lambda answer: _with_members(answer, customerEntityUid=NOBODY),
    Mode.EMPTY: lambda answer: _with(answer, ()),
    Mode.NO_DEFAULT: lambda answer: _with_members(answer, isDefault=False),
    Mode.HUGE: lambda answer: replace(answer, body=answer.body + b" " * HUGE_BYTES),
    Mode.NO_CONTENT_TYPE: lambda answer: _without(answer, "Content-Type"),
    Mode.NO_CACHE_HEADERS: lambda answer: _without(answer, "ETag", "Cache-Control"),
    Mode.ODD_CACHE_HEADERS: lambda answer: replace(
        answer, headers={**answer.headers, "ETag": "7", "Cache-Control": "max-age=soon, =, ,max-age=-1"}
    ),
}


async def _slow(answer: Answer, seconds: float, scope: Scope, receive: Receive, send: Send) -> None:
    if not await _leaves(receive, seconds):
        await answer.response()(scope, receive, send)


async def _drip(answer: Answer, seconds: float, scope: Scope, receive: Receive, send: Send) -> None:
    headers = [(name.lower().encode(), value.encode()) for name, value in answer.headers.items()]
    headers.append((b"content-length", str(len(answer.body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    # Its end is a bound: by then the connection is closed on a client that reads on for ever.
    until = asyncio.get_running_loop().time() + SECONDS_MOST
    for byte in answer.body:
        await send({"type": "http.response.body", "body": bytes([byte]), "more_body": True})
        if await _leaves(receive, seconds) or asyncio.get_running_loop().time() > until:
            scope["extensions"][TRANSPORT]["transport"].close()
            return
    await send({"type": "http.response.body", "body": b""})


async def _raw(content: bytes, scope: Scope, receive: Receive, _send: Send) -> None:
    transport: asyncio.Transport = scope["extensions"][TRANSPORT]["transport"]
    transport.write(content)
    transport.close()
    await _leaves(receive, SECONDS_MOST)  # else the server would answer 500 for want of an answer


async def _leaves(receive: Receive, seconds: float) -> bool:
    """Wait so long; True as soon as the client is gone."""
    try:
        async with asyncio.timeout(seconds):
            while (await receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return False
    return True


_TIMED = {Mode.SLOW: (_slow, 5.0), Mode.DRIP: (_drip, 0.1)}
