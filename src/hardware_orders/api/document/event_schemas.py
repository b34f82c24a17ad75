"""The schemas of an order's events, as `delivery/cloudevent.py` writes them."""

from hardware_orders.api.document import reference
from hardware_orders.api.document.objects import (
    Schema,
    an_object,
    anything,
    array,
    instant,
    one_of,
    text,
    uuid,
    whole_number,
    words,
)
from hardware_orders.delivery.cloudevent import SEQUENCE_DIGITS, SOURCE, TYPE_PREFIX
from hardware_orders.orders.status import EventType

HASH_PATTERN = "^[0-9a-f]{64}$"
POSITION: Schema = {
    "type": ["integer", "null"],
    "minimum": 1,
    "description": "The event's place among all events, without a gap; null for the moment until it has one.",
}


def schemas() -> dict[str, Schema]:
    return {**_envelope(), **_data()}


def _envelope() -> dict[str, Schema]:
    return {
        "OrderEventTypeEnum": words(
            (TYPE_PREFIX + kind for kind in EventType), "What happened to an order; a name never changes its meaning."
        ),
        "OrderEvents": an_object(
            "A part of all events, or of an order's own.",
            {
                "events": array("The oldest first.", reference.schema("OrderEvent")),
                "nextAfter": whole_number("What to send as `after` to go on from here."),
            },
        ),
        "EventLines": text("Events as NDJSON: each line is an `OrderEvent`."),
        "EventStream": text("Server-sent events: `id` is the position, `event` the type, `data` an `OrderEvent`."),
        "OrderEvent": an_object(
            "A version of an order, as a CloudEvent 1.0.",
            {
                "specversion": text("CloudEvents' own version.", const="1.0"),
                "id": uuid("The event's id, the same however often it is told."),
                "source": text("Who tells it.", const=SOURCE),
                "type": reference.schema("OrderEventTypeEnum"),
                "subject": uuid("The order's id."),
                "time": instant("When it happened, by the database's clock."),
                "datacontenttype": text("What `data` is.", const="application/json"),
                "data": reference.schema("OrderEventData"),
            },
            {
                "sequence": text("`data.position` as text that sorts.", pattern=f"^[0-9]{{{SEQUENCE_DIGITS}}}$"),
                "traceparent": text("The trace of the request that led to it, if that named one (W3C)."),
                "tracestate": text("What that trace's vendors said of it."),
                "dataref": text(
                    "Where the order is to be read, for an event too large to hold it.", format="uri-reference"
                ),
                "hash": text(
                    "SHA-256 over this event and the hash of the order's one before; in the order's own timeline.",
                    pattern=HASH_PATTERN,
                ),
                "digest": text(
                    "SHA-256 over salt, actor and data, which `hash` covers; in the order's own timeline.",
                    pattern=HASH_PATTERN,
                ),
            },
        ),
    }


def _data() -> dict[str, Schema]:
    return {
        "OrderEventData": an_object(
            "What happened.",
            {
                "actor": reference.schema("Actor"),
                "position": POSITION,
                "sequence": whole_number("The event's place among the order's own, which is the order's version.", 1),
                "previousStatus": {
                    "anyOf": [reference.schema("OrderStatusEnum"), {"type": "null"}],
                    "description": "The status before; null for the first event.",
                },
                "status": reference.schema("OrderStatusEnum"),
                "changes": array("The members that changed; none for the first event.", reference.schema("Change")),
            },
            {
                "order": one_of("Order", "The order as it then stood; absent where there is a `dataref`."),
                "erased": {
                    "const": True,
                    "description": "What was about a person has been erased, and the digest's salt with it.",
                },
            },
        ),
        "Actor": an_object(
            "Who did it: a caller, or the service itself.",
            {"type": text("Which of the two.", enum=["user", "service"]), "name": text("By name.")},
            {"uid": text("The `sub` of the caller's token.")},
        ),
        "Change": an_object(
            "A member of the order that changed. Both values are absent in an event that has a `dataref`.",
            {"pointer": text("Which one (RFC 6901).", format="json-pointer")},
            {
                "old": anything("Its value before; absent when there was none."),
                "new": anything("Its value now; absent when there is none."),
            },
        ),
    }
