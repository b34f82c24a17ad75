"""A TCP proxy in front of PostgreSQL that hangs up when the first COMMIT passes: the worst moment there is."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

COMMIT = b"COMMIT\x00"
# How long the server may take to commit before its answer is thrown away.
COMMIT_SECONDS = 0.3


@contextmanager
def dropped_commit_reply(url: str, *, forward: bool = True) -> Iterator[str]:
    """The URL of the proxy. The first COMMIT is forwarded, or not, and never answered; later ones pass."""
    parts = urlsplit(url)
    server = (parts.hostname or "127.0.0.1", parts.port or 5432)
    dropped = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        threading.Thread(target=_serve, args=(listener, server, dropped, forward), daemon=True).start()
        yield parts._replace(netloc=f"{parts.username}@127.0.0.1:{port}").geturl()
        assert dropped.is_set(), "no COMMIT passed"


def _serve(listener: socket.socket, server: tuple[str, int], dropped: threading.Event, forward: bool) -> None:  # noqa: FBT001
    with suppress(OSError):
        while True:
            client, _ = listener.accept()
            upstream = socket.create_connection(server)
            threading.Thread(target=_to_server, args=(client, upstream, dropped, forward), daemon=True).start()
            threading.Thread(target=_pump, args=(upstream, client), daemon=True).start()


def _to_server(client: socket.socket, upstream: socket.socket, dropped: threading.Event, forward: bool) -> None:  # noqa: FBT001
    with suppress(OSError):
        while data := client.recv(65536):
            if COMMIT in data and not dropped.is_set():
                dropped.set()
                client.shutdown(socket.SHUT_RDWR)
                if forward:
                    upstream.sendall(data)
                    time.sleep(COMMIT_SECONDS)  # the server commits; its answer is read by nobody
                break
            upstream.sendall(data)
    for end in (upstream, client):
        end.close()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    for end in (source, target):
        end.close()
