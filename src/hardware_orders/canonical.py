"""JSON in one spelling (RFC 8785): the same value is the same text, so that digests and comparisons hold."""

import json
from typing import Any

_encoder = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True)


def text(value: Any) -> str:
    """Compact JSON with sorted members. Orders hold no fractions, so RFC 8785's number rules never come to bear.

    Raises ValueError for NaN and infinities.
    """
    return _encoder.encode(value)
