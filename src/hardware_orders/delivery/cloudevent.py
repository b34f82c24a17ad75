"""An event as the world sees it: CloudEvents 1.0 in JSON, put together from the stored text without parsing it."""

import json
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol

import orjson

from hardware_orders import canonical, instants
from hardware_orders.actor import Actor
from hardware_orders.trace_context import Trace

SOURCE = "/orders"
TYPE_PREFIX = "hardware-orders."
# CloudEvents asks for a sequence that sorts as text; 20 digits hold every 64-bit position.
SEQUENCE_DIGITS = 20
# Brokers and receivers commonly refuse more; a larger event refers to its order instead (`dataref`).
EVENT_MOST_BYTES = 256 * 1024
UTF8_MOST_BYTES = 4  # of one character


class EventRow(Protocol):
    """A row of `order_events`."""

    event_id: str
    order_id: str
    sequence: int
    position: int | None
    type: str
    occurred_at: datetime
    actor: str
    data: str


def as_text(row: EventRow, **extensions: str) -> str:
    """The CloudEvent of this row as JSON text; `extensions` are further attributes (lower-case letters and digits)."""
    envelope: dict[str, Any] = {
        "specversion": "1.0",
        "id": row.event_id,
        "source": SOURCE,
        "type": TYPE_PREFIX + row.type,
        "subject": row.order_id,
        "time": instants.text(row.occurred_at),
        "datacontenttype": "application/json",
        **extensions,
    }
    actor = row.actor
    if trace := trace_of(row):
        envelope |= trace.as_members()
        actor = replace(Actor.from_text(actor), trace=None).as_text()
    if row.position is not None:
        envelope["sequence"] = str(row.position).zfill(SEQUENCE_DIGITS)
    event = _joined(envelope, row, actor, row.data)
    if len(event) > EVENT_MOST_BYTES // UTF8_MOST_BYTES and len(event.encode()) > EVENT_MOST_BYTES:
        envelope["dataref"] = f"/orders/{row.order_id}?version={row.sequence}"
        return _joined(envelope, row, actor, _without_order(row.data))
    return event


def trace_of(row: EventRow) -> Trace | None:
    """The trace of the request that led to this event, if it named one; within a name, quotation marks are escaped."""
    return Actor.from_text(row.actor).trace if '"traceparent":' in row.actor else None


def _joined(envelope: dict[str, Any], row: EventRow, actor: str, data: str) -> str:
    """`data` is a JSON object with members, so the three that only the row knows can be put in front of them."""
    position = "null" if row.position is None else str(row.position)
    head = orjson.dumps(envelope).decode()
    return f'{head[:-1]},"data":{{"actor":{actor},"position":{position},"sequence":{row.sequence},{data[1:]}}}'


def _without_order(data: str) -> str:
    fields = json.loads(data)
    del fields["order"]
    # What changed may be as large as the order; its pointers always say where to look.
    fields["changes"] = [{"pointer": change["pointer"]} for change in fields["changes"]]
    return canonical.text(fields)
