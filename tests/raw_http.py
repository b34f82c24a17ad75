"""HTTP/1.1 to the letter: requests that no client would send, and answers as they came over the wire."""

import http.client
import json
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

# Far above what any answer takes, so that a test that hangs ends.
ANSWER_SECONDS = 40

Headers = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Answer:
    """What came back. `closed` when the server ended the connection after it."""

    status: int
    headers: dict[str, str]
    content: bytes
    closed: bool

    @property
    def problem(self) -> dict[str, Any]:
        assert self.headers["content-type"] == "application/problem+json", self
        found: dict[str, Any] = json.loads(self.content)
        return found


def connect(url: str) -> socket.socket:
    parts = urlsplit(url)
    return socket.create_connection((parts.hostname or "127.0.0.1", parts.port or 80), timeout=ANSWER_SECONDS)


def head(method: str, path: str, headers: Headers = ()) -> bytes:
    """Request line and header lines as they are; nothing is added but `Host`."""
    lines = [f"{method} {path} HTTP/1.1", "Host: here", *(f"{name}: {value}" for name, value in headers)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def request(method: str, path: str, headers: Headers = (), content: bytes | None = None) -> bytes:
    """A whole request, with the length of its body when it has one."""
    length = [] if content is None else [("Content-Length", str(len(content)))]
    return head(method, path, [*headers, *length]) + (content or b"")


def chunked(*chunks: bytes) -> bytes:
    """A body of `Transfer-Encoding: chunked`."""
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"


def answer(connection: socket.socket, method: str = "POST") -> Answer:
    """The next answer on the connection."""
    response = http.client.HTTPResponse(connection, method=method)
    response.begin()
    headers = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, headers, response.read(), closed=response.will_close)


def exchange(url: str, sent: bytes, method: str = "POST") -> Answer:
    """One request on a connection of its own, and its answer."""
    with connect(url) as connection:
        connection.sendall(sent)
        return answer(connection, method)
