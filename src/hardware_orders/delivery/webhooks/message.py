"""What is sent to a receiver, and what became of it. Apart from `sending`, which is loaded where something is sent."""

from dataclasses import dataclass

from hardware_orders.trace_context import Trace

# The receiver wants nothing more, ever.
GONE = 410


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent: the id by which receivers know it again, its body, and the trace that it is part of."""

    message_id: str
    body: str
    trace: Trace | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a request. `error` is None for a delivery, or a word that says why it is none."""

    duration_ms: int
    status: int | None = None
    error: str | None = None
    answer: str | None = None
    retry_after: float | None = None  # seconds, as the receiver asked
