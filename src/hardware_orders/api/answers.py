"""Orders as answers: the one shape of `orders.view`, with what only an answer has."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson
from starlette.responses import Response

from hardware_orders.orders import view
from hardware_orders.orders.order import Order

MEDIA_TYPE = "application/json"


def order(shown: Order, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """The order as it stands."""
    return json_answer(_body(shown), status, headers)


def settled_or_accepted(shown: Order, applied: str | None, headers: Mapping[str, str] | None = None) -> Response:
    """200 with the settled order; 202 with its `Location` while it waits, as was preferred or because the bound passed.

    `applied` is the preference that was taken into account, for `Preference-Applied` (RFC 7240).
    """
    said = dict(headers or {})
    if applied:
        said["Preference-Applied"] = applied
    if not shown.is_waiting:
        return order(shown, 200, said)
    return order(shown, 202, {**said, "Location": f"/orders/{shown.order_id}"})


def json_answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(orjson.dumps(value), status, headers, MEDIA_TYPE)


def _body(shown: Order) -> dict[str, Any]:
    body = view.as_json(shown)
    # Minutes that pass by themselves are no part of the order, so events do not have them.
    body["internal"]["orderStats"] = {
        "minsSinceCreatedToLastUpdate": _minutes(shown.created_date, shown.modified_date),
        "minsSinceLastStatusUpdate": _minutes(shown.status_changed_at, datetime.now(UTC)),
    }
    return body


def _minutes(start: datetime, end: datetime) -> int:
    return max(int((end - start).total_seconds()) // 60, 0)
