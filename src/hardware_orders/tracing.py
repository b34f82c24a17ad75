"""OpenTelemetry spans of an order's way: request, settle, publish, deliver. Nothing of it is imported unless it is on.

On where the environment names a collector (`OTEL_EXPORTER_OTLP_ENDPOINT`), with the extra `otel`. Spans are sent by a
thread of the exporter's own, from a bounded queue; a collector that is away costs spans and no order.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hardware_orders.errors import WrongSettingError
from hardware_orders.trace_context import Trace

# The variables by which OpenTelemetry's exporters are told where to send.
ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
# A collector is near; one that takes longer for a batch is away, and a process that stops waits no longer for it.
EXPORT_SECONDS = 2

_provider: Any = None


def start(process: str) -> None:
    """Begin to record spans, if the environment names a collector. Called after a fork, not before.

    Raises WrongSettingError when a collector is named and the extra is not installed.
    """
    global _provider  # noqa: PLW0603  # one exporter a process, as with logging
    if _provider is not None or not any(map(os.environ.get, ENDPOINTS)):
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError:
        raise WrongSettingError(
            f"{ENDPOINTS[1]} is set, but OpenTelemetry is not installed; install hardware-orders[otel], or unset it."
        ) from None
    resource = Resource.create({"service.name": f"hardware-orders-{process}", "service.namespace": "hardware-orders"})
    _provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    _provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(timeout=EXPORT_SECONDS)))


def stop() -> None:
    """Send what is left, within EXPORT_SECONDS, and record nothing more."""
    global _provider  # noqa: PLW0603
    if _provider is not None:
        _provider.force_flush(EXPORT_SECONDS * 1000)
        _provider = None


def is_on() -> bool:
    return _provider is not None


class Span:
    """A span under way: `trace` is what those go on from who come after it. Without a collector, its parent's."""

    def __init__(self, trace: Trace | None, recorded: Any = None) -> None:
        self.trace = trace
        self._recorded = recorded

    def note(self, **attributes: str | int) -> None:
        """Add attributes: of a name's `__` a dot is made, since OpenTelemetry's names have them."""
        if self._recorded is not None:
            self._recorded.set_attributes({name.replace("__", "."): value for name, value in attributes.items()})


@contextmanager
def span(name: str, parent: Trace | None, *, seconds: float = 0, **attributes: str | int) -> Iterator[Span]:
    """A span of this name while the context lasts, within the parent's trace or a new one.

    `seconds` is how long ago it began, for what is told afterwards. Off, it costs next to nothing.
    """
    if _provider is None:
        yield Span(parent)
        return
    from opentelemetry import trace  # noqa: PLC0415
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415

    propagator = TraceContextTextMapPropagator()
    context = propagator.extract(parent.as_members() if parent else {})
    kind = trace.SpanKind.SERVER if name == "request" else trace.SpanKind.INTERNAL
    began = time.time_ns() - int(seconds * 1e9)
    recorded = _provider.get_tracer("hardware_orders").start_span(name, context, kind, start_time=began)
    carrier: dict[str, str] = {}
    propagator.inject(carrier, trace.set_span_in_context(recorded, context))
    made = Span(Trace(carrier["traceparent"], carrier.get("tracestate", "")), recorded)
    made.note(**attributes)
    try:
        yield made
    finally:
        recorded.end()
