"""Orders as answers: the one shape of `orders.view`, with what only an answer has."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson
from starlette.responses import Response

from hardware_orders import instants
from hardware_orders.api import conditional
from hardware_orders.orders import view
from hardware_orders.orders.order import Order

MEDIA_TYPE = "application/json"
# Nobody between service and caller keeps what is about an order: not with a tag to ask again by, not for a moment.
NO_STORE = {"Cache-Control": "no-store"}


def order(
    shown: Order, status: int = 200, headers: Mapping[str, str] | None = None, *, ahead: int | None = None
) -> Response:
    """The order as it stands, with its ETag."""
    return json_answer(body(shown, ahead), status, {**(headers or {}), **conditional.etag(shown.version)})


def unchanged(version: int) -> Response:
    """304: the caller has this version already."""
    return Response(status_code=304, headers={**NO_STORE, **conditional.etag(version)})


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
    """The value as JSON, which nobody keeps unless `headers` say otherwise."""
    return Response(orjson.dumps(value), status, {**NO_STORE, **headers} if headers else NO_STORE, MEDIA_TYPE)


def body(shown: Order, ahead: int | None = None) -> dict[str, Any]:
    """The order as it stands, as it is shown by itself and in lists; `ahead` as in `processing`."""
    shown_now = view.as_json(shown)
    # Minutes that pass by themselves are no part of the order, so events do not have them.
    shown_now["internal"]["orderStats"] = {
        "minsSinceCreatedToLastUpdate": _minutes(shown.created_date, shown.modified_date),
        "minsSinceLastStatusUpdate": _minutes(shown.status_changed_at, datetime.now(UTC)),
    }
    if shown.is_waiting:
        shown_now["internal"]["processing"] = processing(shown, ahead)
    return shown_now


def processing(shown: Order, ahead: int | None) -> dict[str, Any]:
    """How far a waiting order has come. `ahead`: how many others have their turn before it, None where nobody counted."""
    told: dict[str, Any] = {
        "waitingSince": instants.text(shown.waits_since),
        "attempts": shown.attempts + shown.lookups,
        "nextAttempt": instants.text(shown.due_at or shown.waits_since),
    }
    if shown.stalled_at is not None:
        told["stalledAt"] = instants.text(shown.stalled_at)
    if ahead is not None:
        told["position"] = ahead + 1
    return told


def _minutes(start: datetime, end: datetime) -> int:
    return max(int((end - start).total_seconds()) // 60, 0)
