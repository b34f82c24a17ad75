"""JSON in one spelling (RFC 8785): the same value is the same text, so that digests and comparisons hold."""

from typing import Any

import orjson


def text(value: Any) -> str:
    """Compact JSON with sorted members. Orders hold no fractions, so RFC 8785's number rules never come to bear.

    Raises TypeError for what JSON has no form for, such as half of a surrogate pair.
    """
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
