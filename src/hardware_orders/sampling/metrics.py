"""The system's numbers as Prometheus takes them: names, units and labels by its conventions, values of a bounded set.

A metric whose value is not known is there without samples: an alert must not take "nobody knows" for zero.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from hardware_orders.contract.enums import Status
from hardware_orders.orders.status import Code
from hardware_orders.sampling.sample import Sample

PREFIX = "hardware_orders_"
# Codes of this service are few and known; whatever else an order may carry must not become a series of its own.
OTHER_CODE = "OTHER"
QUANTILES = {"p50": "0.5", "p95": "0.95", "p99": "0.99"}
NAN = float("nan")  # what a summary without observations has


class Surroundings(NamedTuple):
    """What one process found when it was asked. `queued`: bells in the broker's queue, None while it is away."""

    version: str
    is_database_up: bool
    is_events_up: bool
    queued: int | None


def families(found: Surroundings, newest: Sample | None) -> Iterator[Metric]:
    """Every metric there is, whatever is known: without a sample all that comes from one has no values."""
    yield _gauge("build_info", "The version that serves this; always 1.", {found.version: 1}, "version")
    yield _gauge("database_up", "1 when the database answered this API process in time, else 0.", found.is_database_up)
    yield _gauge("broker_up", "1 when the broker answered this API process in time, else 0.", found.queued is not None)
    yield _gauge("events_up", "1 while this API process is connected to the events' Redis, else 0.", found.is_events_up)
    yield _gauge("broker_queue_messages", "Bells in the broker's queue that no worker has taken.", found.queued)
    data = newest.data if newest else None
    yield _gauge(
        "sample_timestamp_seconds",
        "When a relay took the newest sample, in Unix time; what follows is as it was then.",
        newest.second if newest else None,
    )
    yield from _orders(data)
    yield from _waiting(data)
    yield from _relay(data)
    yield from _around(data)


def _orders(data: dict[str, Any] | None) -> Iterator[Metric]:
    statuses = data and {status.value: data["statuses"].get(status.value, 0) for status in Status}
    yield _gauge("orders", "Orders in each status, without discarded ones.", statuses, "status")
    yield _counter("orders_received", "Orders that were accepted.", data["received"] if data else None)
    yield _counter(
        "orders_settled",
        "Orders that became a draft, were submitted or were parked.",
        data["settled"] if data else None,
    )
    yield _gauge(
        "orders_parked", "Orders that are parked, by the reason; counted up to 10,000.", data and _parked(data), "code"
    )


def _parked(data: dict[str, Any]) -> Mapping[str, int]:
    counted = Counter(dict.fromkeys([*(code.value for code in Code), OTHER_CODE], 0))
    for code, count in data["parked"].items():
        counted[code if code in counted else OTHER_CODE] += count
    return counted


def _waiting(data: dict[str, Any] | None) -> Iterator[Metric]:
    yield _gauge(
        "orders_waiting", "Orders that wait to be settled; counted up to 10,000.", data and data["waiting"]["count"]
    )
    yield _gauge(
        "orders_oldest_wait_seconds",
        "For how long the oldest waiting order has waited; 0 while none waits.",
        data and data["waiting"]["oldest"],
    )
    yield _summary(
        "orders_wait_seconds", "For how long the waiting orders have waited, of the 500 due first.", data, "waits"
    )
    yield _summary(
        "orders_latency_seconds",
        "From acceptance to settlement, of at most 500 orders of the last ten seconds.",
        data,
        "latency",
    )
    yield _gauge(
        "orders_stalled", "Orders that have waited past the bound; counted up to 500.", data and data["stalled"]
    )
    yield _gauge(
        "orders_stalled_after_seconds",
        "The bound: an order that waits for longer is stalled.",
        data and data["stalledAfter"],
    )


def _relay(data: dict[str, Any] | None) -> Iterator[Metric]:
    yield _gauge(
        "events_unnumbered",
        "Events that have no position yet; counted up to 10,000.",
        data and data["unnumbered"]["count"],
    )
    yield _gauge(
        "events_oldest_unnumbered_seconds",
        "How old the oldest event without a position is; 0 while there is none.",
        data and data["unnumbered"]["oldest"],
    )
    yield _gauge("events_last_position", "The highest position that an event has.", data and data["last"])
    yield _gauge(
        "events_published_position",
        "The position of the stream's newest event; no value while Redis is away.",
        data and data["published"],
    )


def _around(data: dict[str, Any] | None) -> Iterator[Metric]:
    workers = data["workers"] if data else None
    yield _gauge(
        "workers",
        "Workers that gave a sign of life within 30 seconds, up to 100; no value while Redis is away.",
        None if workers is None else len(workers),
    )
    webhooks = data["webhooks"] if data else {}
    yield _gauge("webhook_endpoints", "Webhook endpoints.", webhooks.get("endpoints"))
    yield _gauge(
        "webhook_endpoints_paused", "Endpoints to which nothing is sent, by whomever paused.", webhooks.get("paused")
    )
    yield _gauge("webhook_endpoints_failing", "Endpoints whose last delivery failed.", webhooks.get("failing"))
    yield _gauge(
        "webhook_backlog_events",
        "Events that the endpoint furthest behind has not been told of; paused endpoints are left out.",
        webhooks.get("behind"),
    )
    yield from _portfolio_service(data["portfolios"] if data else None)


def _portfolio_service(portfolios: dict[str, Any] | None) -> Iterator[Metric]:
    """Without a Portfolio Service nothing is away, and nothing was called; while Redis is away nobody knows."""
    none = {"is_away": False, "calls": 0, "failures": 0}
    state = None if portfolios is None else portfolios.get("state", none)
    yield _gauge(
        "portfolio_breaker_open",
        "1 while the Portfolio Service is away and calls are held back, else 0.",
        state and state["is_away"],
    )
    yield _counter("portfolio_calls", "Calls of the Portfolio Service.", state and state["calls"])
    yield _counter(
        "portfolio_call_failures", "Calls of the Portfolio Service that failed.", state and state["failures"]
    )


def _gauge(name: str, meaning: str, value: float | Mapping[str, float] | None, label: str | None = None) -> Metric:
    """One value, or one for each value of `label`."""
    family = GaugeMetricFamily(PREFIX + name, meaning, labels=[label] if label else None)
    for labelled, number in (value if isinstance(value, Mapping) else {} if value is None else {"": value}).items():
        family.add_metric([labelled] if label else [], float(number))
    return family


def _counter(name: str, meaning: str, value: float | None) -> Metric:
    """`_total` is added to the name."""
    family = CounterMetricFamily(PREFIX + name, meaning)
    if value is not None:
        family.add_metric([], value)
    return family


def _summary(name: str, meaning: str, data: dict[str, Any] | None, member: str) -> Metric:
    """Without count and sum: nobody adds up every wait, and quantiles of a moment cannot be added up anyway."""
    family = Metric(PREFIX + name, meaning, "summary")
    for percentile, quantile in QUANTILES.items() if data else ():
        value = data[member][percentile] if data else None
        family.add_sample(PREFIX + name, {"quantile": quantile}, NAN if value is None else value)
    return family
