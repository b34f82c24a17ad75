"""Receivers of webhooks, good and bad: real servers on loopback, each on a thread, told how to answer."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

BODY = b"Content-Length: 2\r\n\r\nok"
Answer = Callable[[socket.socket], None]


def raw(answer: bytes) -> Answer:
    return lambda connection: connection.sendall(answer)


def status(code: int, *headers: str) -> Answer:
    head = "".join(f"{header}\r\n" for header in headers)
    return raw(f"HTTP/1.1 {code} Said\r\n{head}".encode() + BODY)


def other_protocol(connection: socket.socket) -> None:
    connection.sendall(b"SSH-2.0-OpenSSH\r\n")
    connection.shutdown(socket.SHUT_RDWR)


def drip(connection: socket.socket) -> None:
    """A byte of the head each moment, for longer than anybody listens."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    for _ in range(100):
        connection.sendall(b"a")
        time.sleep(0.2)


def huge(connection: socket.socket) -> None:
    """A good answer that never ends."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000000\r\n\r\n")
    while True:
        connection.sendall(b"x" * 65536)


def silent(connection: socket.socket) -> None:
    """Nothing, until the other side has had enough."""
    connection.recv(1)


def closing(connection: socket.socket) -> None:
    connection.shutdown(socket.SHUT_RDWR)


@dataclass
class Receiver:
    """What came, in order: (headers, CloudEvent). `answer` may be changed while it runs."""

    answer: Answer
    url: str = ""
    came: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    connections: int = 0

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.came]

    @property
    def positions(self) -> list[int]:
        return [event["data"]["position"] for event in self.events if "position" in event["data"]]

    def serve(self, connection: socket.socket) -> None:
        self.connections += 1
        with connection, connection.makefile("rb") as lines:
            while request := lines.readline():
                headers: dict[str, str] = {"request": request.decode().strip()}
                while line := lines.readline().decode().strip():
                    name, _, value = line.partition(": ")
                    headers[name.lower()] = value
                self.came.append((headers, lines.read(int(headers.get("content-length", "0")))))
                self.answer(connection)


@contextmanager
def receiver(answer: Answer | None = None) -> Iterator[Receiver]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        made = Receiver(answer or status(200), f"http://127.0.0.1:{listener.getsockname()[1]}/hook?of=orders")

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=_served, args=(made, connection), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield made
        listener.shutdown(socket.SHUT_RDWR)


def _served(made: Receiver, connection: socket.socket) -> None:
    try:
        made.serve(connection)
    except (OSError, ValueError):  # the sender hung up
        connection.close()
