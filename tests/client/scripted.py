"""A service on a real socket that answers each request with the next step of a script, and misbehaves when told to."""

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

ORDER_ID = "7d0d5c5e-0d8e-4b57-9a0c-3c2a5d1f7e01"
Step = Callable[[socket.socket], None]


def order(**members: Any) -> dict[str, Any]:
    return {
        "orderReference": "R-1",
        "customerEntityUid": "7d0d5c5e-0d8e-4b57-9a0c-3c2a5d1f7e02",
        "orderId": ORDER_ID,
        "status": "SUBMITTED",
        "createdDate": "2026-11-23T09:05:00.000000Z",
        "modifiedDate": "2026-11-23T09:05:00.000000Z",
        **members,
    }


def answers(status: int, body: Any = None, **headers: str) -> Step:
    """A whole answer; a header's underscores stand for hyphens."""
    content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()

    def step(connection: socket.socket) -> None:
        lines = [f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items()]
        head = f"HTTP/1.1 {status} S\r\nContent-Length: {len(content)}\r\nConnection: close\r\n{''.join(lines)}\r\n"
        connection.sendall(head.encode() + content)

    return step


def refuses(status: int, detail: str, **headers: str) -> Step:
    return answers(status, {"status": status, "detail": detail}, **headers)


def hangs_up(connection: socket.socket) -> None:
    """The request was read; its connection ends without an answer."""


def resets(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def truncates(connection: socket.socket) -> None:
    connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"orderId": "7d')


def drips(connection: socket.socket) -> None:
    """A head, and then for ever one byte before the reader's patience with silence ends."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while True:
        connection.sendall(b" ")
        time.sleep(0.02)


def stays_silent(connection: socket.socket) -> None:
    """Until the caller hangs up."""
    connection.recv(1)


@dataclass
class Asked:
    """A request as it came: `POST /orders/hardware`, its headers in lower case, its body parsed."""

    line: str
    headers: dict[str, str]
    body: Any
    at: float


@dataclass
class Service:
    """What was asked, and what the rest of the script is; the last step is repeated."""

    url: str
    script: list[Step] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)

    @property
    def lines(self) -> list[str]:
        return [request.line for request in self.asked]


@contextmanager
def serving() -> Iterator[Service]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        service = Service(f"http://127.0.0.1:{listener.getsockname()[1]}")
        thread = threading.Thread(target=_serve, args=(listener, service))
        thread.start()
        yield service
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def _serve(listener: socket.socket, service: Service) -> None:
    """One connection after the other, each with one request: callers of these tests do one thing at a time."""
    with suppress(OSError):
        while True:
            connection, _ = listener.accept()
            with connection, suppress(OSError):
                if request := _read(connection):
                    service.asked.append(request)
                    step = service.script.pop(0) if len(service.script) > 1 else service.script[0]
                    step(connection)


def _read(connection: socket.socket) -> Asked | None:
    content = b""
    while b"\r\n\r\n" not in content:
        if not (more := connection.recv(65536)):
            return None
        content += more
    head, _, body = content.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while len(body) < int(headers.get("content-length", 0)):
        body += connection.recv(65536)
    line = first.removesuffix(" HTTP/1.1")
    return Asked(line, headers, json.loads(body) if body else None, time.monotonic())
