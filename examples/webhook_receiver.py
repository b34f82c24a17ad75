"""A receiver of webhooks: verifies, knows repetitions, answers at once. Run it as

    WEBHOOK_SECRET=whsec_… python examples/webhook_receiver.py 8081

and make an endpoint of `http://127.0.0.1:8081/` (docs/webhooks.md). It needs the package `standardwebhooks` alone.
"""

import json
import os
import sqlite3
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

# An event has at most 256 KiB; more is nobody's event.
BODY_MOST_BYTES = 1024 * 1024
# Events that were taken and not worked on. When there are so many the sender is asked to come again.
WAITING_MOST = 1_000
OK, BAD_REQUEST, TOO_LARGE, BUSY = 204, 400, 413, 503


class Inbox:
    """What was taken, in the order in which it came, in a file: what was answered with 2xx does not come again."""

    def __init__(self, path: str) -> None:
        self._database = sqlite3.connect(path, check_same_thread=False)
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS inbox (number INTEGER PRIMARY KEY, id TEXT UNIQUE, event TEXT, done INTEGER)"
        )
        self._lock = threading.Lock()
        self._came = threading.Event()

    def take(self, event_id: str, event: str) -> bool:
        """Store the event unless it came before; False when too much waits already."""
        with self._lock, self._database:
            (waiting,) = self._database.execute("SELECT count(*) FROM inbox WHERE NOT done").fetchone()
            if waiting >= WAITING_MOST:
                return False
            self._database.execute("INSERT OR IGNORE INTO inbox (id, event, done) VALUES (?, ?, 0)", (event_id, event))
        self._came.set()
        return True

    def work(self, do: Callable[[dict[str, Any]], None]) -> None:
        """Do what is to be done with each event, one after the other, for ever; after a crash the last one again."""
        while True:
            self._came.clear()
            with self._lock:
                found = self._database.execute("SELECT number, event FROM inbox WHERE NOT done ORDER BY number LIMIT 1")
                row = found.fetchone()
            if row is None:
                self._came.wait()
                continue
            do(json.loads(row[1]))
            with self._lock, self._database:
                # The id stays, to know the event again.
                self._database.execute("UPDATE inbox SET done = 1, event = NULL WHERE number = ?", (row[0],))


def work_on(event: dict[str, Any]) -> None:
    """Yours to write."""
    print(event["type"], event["subject"], event["data"].get("status", ""), flush=True)


class Server(ThreadingHTTPServer):
    """Takes events in on its threads and works on them on one: in the order in which they came."""

    def __init__(self, port: int, secret: str, database: str) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.webhook = Webhook(secret)
        self.inbox = Inbox(database)
        threading.Thread(target=self.inbox.work, args=(work_on,), daemon=True).start()


class Handler(BaseHTTPRequestHandler):
    """One request: the answer comes before any work is done, because the sender waits ten seconds and then repeats."""

    server: Server
    protocol_version = "HTTP/1.1"
    timeout = 10

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > BODY_MOST_BYTES:
            self._answer(TOO_LARGE, close=True)
            return
        body = self.rfile.read(int(length))
        try:
            # Signature over id, timestamp and the bytes as they came; a timestamp more than five minutes off is refused.
            self.server.webhook.verify(body, dict(self.headers), json_parse=False)
        except (WebhookVerificationError, ValueError):
            self._answer(BAD_REQUEST)
            return
        is_taken = self.server.inbox.take(self.headers["webhook-id"], body.decode())
        self._answer(OK if is_taken else BUSY)

    def _answer(self, status: int, *, close: bool = False) -> None:
        self.send_response(status)
        if status == BUSY:
            self.send_header("Retry-After", "5")
        if status != OK:
            self.send_header("Content-Length", "0")
        if close:
            self.send_header("Connection", "close")
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        """Nothing: what was taken is printed where it is worked on."""


def main() -> None:
    """Serve until Ctrl-C; the port is the first argument, the file of its inbox the second."""
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8081
    database = sys.argv[2] if len(sys.argv) > 2 else "webhooks.db"  # noqa: PLR2004
    server = Server(port, os.environ["WEBHOOK_SECRET"], database)
    print(f"Listening on http://127.0.0.1:{server.server_address[1]}/", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.server_close()


if __name__ == "__main__":
    main()
