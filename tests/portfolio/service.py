"""The reference Portfolio Service on a real socket, in a thread of the test's own process."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from hardware_orders.portfolio.file_source import FileSource
from hardware_orders.portfolio_service.server import Server

START_SECONDS = 30


@dataclass(frozen=True)
class PortfolioService:
    """A service that is running. `misbehave()` without a mode makes it behave again."""

    url: str
    http: httpx2.Client

    def misbehave(self, mode: str = "none", **parameters: Any) -> None:
        self.http.put("/misbehaviour", json={"mode": mode, **parameters}).raise_for_status()

    def calls(self) -> Any:
        """The counts since the last time that they were asked for."""
        return self.http.delete("/calls").raise_for_status().json()


@contextmanager
def serving(path: Path, **options: Any) -> Iterator[PortfolioService]:
    """`options` are those of `Server`, such as `max_age`, `token` and `port`."""
    listening = threading.Event()
    urls: list[str] = []

    def on_listening(url: str) -> None:
        urls.append(url)
        listening.set()

    server = Server(FileSource(path), on_listening=on_listening, **options)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        assert listening.wait(START_SECONDS), "the service does not listen"
        with httpx2.Client(base_url=urls[0], timeout=START_SECONDS) as http:
            yield PortfolioService(urls[0], http)
    finally:
        server.should_exit = True
        thread.join()
