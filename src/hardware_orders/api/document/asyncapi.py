"""The AsyncAPI 3.0 document: where events are told, by what, and their schemas, which are the OpenAPI document's own."""

from typing import Any

from hardware_orders.api.document import event_files, reference
from hardware_orders.delivery.stream import STREAM
from hardware_orders.orders.status import EventType

DESCRIPTION = """\
Every committed version of an order has exactly one event, a CloudEvent 1.0. All channels tell the same events under the
same ids, in the order of `data.position`; each consumer may see one more than once and knows it again by `id` or position.
"""
_HOSTS = {
    "redis": ("redis", "localhost:6379", "The Redis or Valkey of HARDWARE_ORDERS_EVENTS_URL."),
    "api": ("http", "localhost:8000", "Where this document was found."),
}
_CHANNELS: dict[str, dict[str, Any]] = {
    "stream": {
        "address": STREAM,
        "title": "Redis Stream",
        "description": "One entry for each event: its id is `<position>-0`, its field `event` the CloudEvent as JSON. The "
        "stream is a cache of the log: trimmed, and published again after a loss. Entries of what was erased are missing.",
        "servers": [{"$ref": "#/servers/redis"}],
    },
    "feed": {
        "address": "/events",
        "title": "Feed",
        "description": "GET, by `Accept`: pages of JSON (`events`, `nextAfter`), NDJSON, or server-sent events whose `id` is "
        "the position. `after` or `Last-Event-ID` says where to go on; OpenAPI's `listEvents` has the parameters.",
        "servers": [{"$ref": "#/servers/api"}],
    },
    "webhooks": {
        "address": None,
        "title": "Webhooks",
        "description": "POST to the URL that a receiver has registered, signed as Standard Webhooks has it: the headers "
        "`webhook-id`, `webhook-timestamp` and `webhook-signature`; the body is the CloudEvent.",
    },
}
_OPERATIONS = {
    "publishToStream": ("stream", "Adds each event to the stream within milliseconds of its commit."),
    "tellInFeed": ("feed", "Tells the events that the caller may see."),
    "deliverToWebhook": (
        "webhooks",
        "Delivers each event that an endpoint asked for, and tries again until it is taken.",
    ),
}


def document(schemas: dict[str, Any], *, title: str, version: str) -> dict[str, Any]:
    """`schemas` are the components of the OpenAPI document."""
    names = [kind.value for kind in EventType]
    return {
        "asyncapi": "3.0.0",
        "info": {"title": f"{title}: events", "version": version, "description": DESCRIPTION},
        "defaultContentType": "application/cloudevents+json",
        "servers": {name: _server(*host) for name, host in _HOSTS.items()},
        "channels": {
            name: {**channel, "messages": {kind: {"$ref": f"#/components/messages/{kind}"} for kind in names}}
            for name, channel in _CHANNELS.items()
        },
        "operations": {
            name: {
                "action": "send",
                "channel": {"$ref": f"#/channels/{channel}"},
                "summary": summary,
                "messages": [{"$ref": f"#/channels/{channel}/messages/{kind}"} for kind in names],
            }
            for name, (channel, summary) in _OPERATIONS.items()
        },
        "components": {
            "messages": {kind.value: _message(kind) for kind in EventType},
            "schemas": {
                **event_files.closure(schemas),
                **{
                    kind.value: event_files.of_type(kind, reference.schema(event_files.SHARED_NAME)["$ref"])
                    for kind in EventType
                },
            },
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def _server(protocol: str, host: str, description: str) -> dict[str, Any]:
    server: dict[str, Any] = {
        "host": "{host}",
        "protocol": protocol,
        "description": description,
        "variables": {"host": {"default": host, "description": "Host and port."}},
    }
    return {**server, "security": [{"$ref": "#/components/securitySchemes/bearer"}]} if protocol == "http" else server


def _message(kind: Any) -> dict[str, Any]:
    return {
        "name": kind.value,
        "title": kind.value,
        "summary": event_files.MEANINGS[kind],
        "payload": {"$ref": f"#/components/schemas/{kind.value}"},
    }
