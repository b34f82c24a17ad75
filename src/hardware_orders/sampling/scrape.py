"""What `/metrics` answers: the newest sample, and the broker's queue, read when somebody asks.

Counting in the processes themselves would miss what each of many did, and forget it with them.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, Generic, TypeVar

import structlog
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from hardware_orders import __version__
from hardware_orders.broker import Ringer
from hardware_orders.database import Database
from hardware_orders.sampling import sample
from hardware_orders.sampling.metrics import Surroundings, families

log = structlog.get_logger()

# Prometheus gives up after ten seconds as a rule, and what does not answer within one is as good as away.
ANSWER_SECONDS = 1.0

T = TypeVar("T")


class Scrape(Collector):
    """For one thread at a time. `ringer` is its own; `is_events_up` tells whether the events' Redis is there."""

    def __init__(self, database: Database, ringer: Ringer, is_events_up: Callable[[], bool]) -> None:
        self._database = database
        self._is_events_up = is_events_up
        self._ringer = ringer
        self._sample = _Asked("database", self._newest)
        self._queued = _Asked("broker", ringer.queued)
        # Its own: the library's global one has this process's figures, which say little of the system.
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def text(self) -> bytes:
        """All metrics in Prometheus' text format, whatever is away; after ANSWER_SECONDS at the latest."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Asked by the registry."""
        asked: list[Future[Any]] = [self._sample.asking(), self._queued.asking()]
        wait(asked, ANSWER_SECONDS)
        newest, queued = self._sample.answer(), self._queued.answer()
        found = Surroundings(__version__, newest is not None, self._is_events_up(), queued)
        return families(found, newest[0] if newest else None)

    def close(self) -> None:
        """Ask no more. What is still being asked ends by its own bound."""
        self._sample.close()
        self._queued.close(self._ringer.close)

    def _newest(self) -> tuple[sample.Sample | None]:
        with self._database.read() as connection:
            return (sample.newest(connection),)


class _Asked(Generic[T]):
    """A source that may hang: it is asked on a thread of its own, and not again before it has answered."""

    def __init__(self, name: str, ask: Callable[[], T]) -> None:
        self._name = name
        self._ask = ask
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"metrics-{name}")
        self._asked: Future[T] | None = None

    def asking(self) -> "Future[T]":
        if self._asked is None:
            self._asked = self._thread.submit(self._ask)
        return self._asked

    def answer(self) -> T | None:
        """None while it has not answered, or when it is away."""
        if self._asked is None or not self._asked.done():
            return None
        asked, self._asked = self._asked, None
        if error := asked.exception():
            log.info("metrics_source_away", source=self._name, error=type(error).__name__)
            return None
        return asked.result()

    def close(self, *last: Callable[[], None]) -> None:
        """`last` is done on that thread, behind what is still being asked."""
        for act in last:
            self._thread.submit(act)
        self._thread.shutdown(wait=False)
