"""An issuer's keys over HTTP on a real socket: what it answers, how often it was asked, and when it answers at all."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from joserfc.jwk import Key

HELD_SECONDS = 20  # how long an answer is held back that no test lets go; never a measure of speed


class JwksServer:
    """`document` is answered with `status`, once `gate` is set. Each of `asked` is the path of a request."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/jwks"
        self.document = b""
        self.status = 200
        self.headers: dict[str, str] = {}
        self.asked: list[str] = []
        self.gate = threading.Event()
        self.gate.set()

    def publish(self, *keys: Key | dict[str, Any]) -> None:
        shown = [key if isinstance(key, dict) else key.as_dict(private=False) for key in keys]
        self.document = json.dumps({"keys": shown}).encode()


@contextmanager
def jwks_server(*keys: Key) -> Iterator[JwksServer]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.asked.append(self.path)
            found.gate.wait(HELD_SECONDS)
            with suppress(ConnectionError):  # who asked may have gone
                self.send_response(found.status)
                for name, value in found.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(found.document)

        def log_message(self, *_arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    found = JwksServer(server.server_address[1])
    found.publish(*keys)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        found.gate.set()
        server.shutdown()
        server.server_close()
        thread.join()
