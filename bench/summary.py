"""The sums: percentiles of latencies, and the smallest, middle and largest of several rounds."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Latencies:
    """Percentiles in milliseconds, by nearest rank: each is a latency that somebody has had."""

    p50: float
    p95: float
    p99: float
    max: float


def latencies(seconds: Sequence[float]) -> Latencies | None:
    """Percentiles of latencies in seconds; None of none."""
    if not seconds:
        return None
    ordered = sorted(seconds)
    p50, p95, p99, highest = (percentile(ordered, share) * 1000 for share in (0.5, 0.95, 0.99, 1.0))
    return Latencies(p50, p95, p99, highest)


def percentile(ordered: Sequence[float], share: float) -> float:
    """The smallest of these ascending values that at least this share of them does not exceed."""
    return ordered[max(math.ceil(share * len(ordered)), 1) - 1]


@dataclass(frozen=True, slots=True)
class Spread:
    """What several rounds gave."""

    min: float
    median: float
    max: float


def spread(values: Sequence[float]) -> Spread | None:
    """Smallest, middle and largest; None of none."""
    return Spread(min(values), statistics.median(values), max(values)) if values else None


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Ours as a multiple of theirs, round by round: a slow minute of the machine slows both of its round."""
    return [our / their for our, their in zip(ours, theirs, strict=True) if their]
