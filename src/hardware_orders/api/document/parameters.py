"""The parameters and the headers of answers that more than one operation has, or that deserve a name."""

from collections.abc import Iterable
from typing import Any

from hardware_orders.api.document import reference
from hardware_orders.api.document.examples import ORDER_ID as EXAMPLE_ID
from hardware_orders.api.headers import KEY_MOST_CHARACTERS, PORTFOLIO_VERSION, PORTFOLIO_VERSIONS, WAIT_MOST_SECONDS
from hardware_orders.contract.scalars import UUID_PATTERN

# What an ETag here is; the service takes lists of them, and `*`, too.
_TAG_PATTERN = '^(\\*|"[1-9][0-9]{0,8}")$'

# More than any order has; what the database's integer holds.
VERSION_MOST = 2**31 - 1

PARAMETERS: dict[str, Any] = {
    "OrderId": {
        "name": "orderId",
        "in": "path",
        "required": True,
        "description": "The order's id, as the service gave it.",
        "schema": {"type": "string", "format": "uuid", "pattern": UUID_PATTERN},
        "example": EXAMPLE_ID,
    },
    "BatchId": {
        "name": "batchId",
        "in": "path",
        "required": True,
        "description": "The batch's id, as the service gave it.",
        "schema": {"type": "string", "format": "uuid", "pattern": UUID_PATTERN},
        "example": EXAMPLE_ID,
    },
    "EndpointId": {
        "name": "endpointId",
        "in": "path",
        "required": True,
        "description": "The webhook endpoint's id, as the service gave it.",
        "schema": {"type": "string", "format": "uuid", "pattern": UUID_PATTERN},
        "example": EXAMPLE_ID,
    },
    "EventId": {
        "name": "eventId",
        "in": "path",
        "required": True,
        "description": "The event's id: its `id`, and the `webhook-id` that it was sent with.",
        "schema": {"type": "string", "format": "uuid", "pattern": UUID_PATTERN},
        "example": EXAMPLE_ID,
    },
    "WebhookCursor": {
        "name": "cursor",
        "in": "query",
        "description": "The `nextCursor` of the page before.",
        "schema": {"type": "string", "format": "uuid", "pattern": UUID_PATTERN},
    },
    "SaveDraft": {
        "name": "saveDraft",
        "in": "header",
        "description": "`true` saves the order as a draft; absent or `false`, it is submitted at once.",
        "schema": {"type": "boolean", "default": False},
    },
    "SimplifiedOrderFlow": {
        "name": "X-Use-Simplified-Order-Flow",
        "in": "header",
        "description": "`true` completes the order from the customer's portfolio: only `orderReference` and "
        "`customerEntityUid` are needed, and nested objects may lack any member.",
        "schema": {"type": "boolean", "default": False},
    },
    "PortfolioVersion": {
        "name": PORTFOLIO_VERSION,
        "in": "header",
        "description": "Which values a draft of the simplified flow is submitted with: `pinned`, those that it shows; "
        "`latest`, those that the portfolio gives now. Absent, they must be the same: otherwise the draft stays, and the "
        "answer is 409 with the difference. On an order outside the simplified flow it has no effect.",
        "schema": {"type": "string", "enum": list(PORTFOLIO_VERSIONS)},
    },
    "Prefer": {
        "name": "Prefer",
        "in": "header",
        "description": f"RFC 7240: `wait=N` waits up to N seconds, at most {WAIT_MOST_SECONDS}, for the settled order; "
        "`respond-async` does not wait. Other preferences are ignored.",
        "schema": {"type": "string"},
        "example": "respond-async",
    },
    "PreferEvents": {
        "name": "Prefer",
        "in": "header",
        "description": f"RFC 7240: `wait=N` waits up to N seconds, at most {WAIT_MOST_SECONDS}, for a page that would be "
        "empty otherwise.",
        "schema": {"type": "string"},
        "example": "wait=20",
    },
    "PreferSettledBatch": {
        "name": "Prefer",
        "in": "header",
        "description": f"RFC 7240: `wait=N` waits up to N seconds, at most {WAIT_MOST_SECONDS}, until the batch has settled; "
        "without it the answer comes at once. Other preferences are ignored.",
        "schema": {"type": "string"},
        "example": "wait=30",
    },
    "IdempotencyKey": {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "Makes the request safe to repeat: a repeat is answered with the order that the first one made. "
        "Visible ASCII characters; the caller's own, and never used for another request.",
        "schema": {"type": "string", "pattern": f"^[!-~]{{1,{KEY_MOST_CHARACTERS}}}$"},
        "example": "c2b7a1de-0e4f-4b57-8f55-3b0f6a1f7c10",
    },
    "IfMatch": {
        "name": "If-Match",
        "in": "header",
        "description": "RFC 9110: changes the order only while its ETag is one of these; `*` is any.",
        "schema": {"type": "string", "pattern": _TAG_PATTERN},
        "example": '"7"',
    },
    "IfNoneMatch": {
        "name": "If-None-Match",
        "in": "header",
        "description": "RFC 9110: 304 without a body while the order's ETag is one of these.",
        "schema": {"type": "string", "pattern": _TAG_PATTERN},
        "example": '"7"',
    },
    "Version": {
        "name": "version",
        "in": "query",
        "description": "The order as it stood at this version.",
        "schema": {"type": "integer", "minimum": 1, "maximum": VERSION_MOST},
    },
    "AsOf": {
        "name": "asOf",
        "in": "query",
        "description": "The order as it stood at this instant; not together with `version`.",
        "schema": {"type": "string", "format": "date-time"},
    },
}

HEADERS: dict[str, Any] = {
    "ETag": {
        "description": "The order's version, for `If-Match` and `If-None-Match`.",
        "required": True,
        "schema": {"type": "string", "pattern": _TAG_PATTERN},
        "example": '"7"',
    },
    "Location": {
        "description": "Where the order is to be read.",
        "required": True,
        "schema": {"type": "string", "format": "uri-reference"},
        "example": f"/orders/{EXAMPLE_ID}",
    },
    "BatchLocation": {
        "description": "Where the batch is to be read.",
        "required": True,
        "schema": {"type": "string", "format": "uri-reference"},
        "example": f"/orders/hardware/batch/{EXAMPLE_ID}",
    },
    "PreferenceApplied": {
        "description": "Which preference of `Prefer` was followed; absent when none was (RFC 7240).",
        "schema": {"type": "string"},
        "example": "respond-async",
    },
    "IdempotentReplayed": {
        "description": "`true` on a repeat: the order is the one that the key's first request made.",
        "schema": {"type": "string", "const": "true"},
    },
    "RateLimit": {
        "description": "What is left of the caller's rate, and in how many seconds all of it is back "
        "(draft-ietf-httpapi-ratelimit-headers); only where the service limits rates.",
        "schema": {"type": "string"},
        "example": '"caller";r=598;t=1',
    },
    "RateLimitPolicy": {
        "description": "The caller's rate: so many requests in so many seconds.",
        "schema": {"type": "string"},
        "example": '"caller";q=600;w=60',
    },
    "RetryAfter": {
        "description": "Seconds after which to send the request again.",
        "required": True,
        "schema": {"type": "integer", "minimum": 1},
        "example": 1,
    },
    "WwwAuthenticate": {
        "description": "How to sign in (RFC 6750).",
        "required": True,
        "schema": {"type": "string"},
        "example": "Bearer",
    },
    "WebhookLocation": {
        "description": "Where the endpoint is to be read.",
        "required": True,
        "schema": {"type": "string", "format": "uri-reference"},
        "example": f"/webhooks/{EXAMPLE_ID}",
    },
    "RequestId": {
        "description": "Under which the fault is in the service's log; only a fault has one.",
        "required": True,
        "schema": {"type": "string", "format": "uuid", "pattern": UUID_PATTERN},
        "example": EXAMPLE_ID,
    },
}

ORDER_ID = reference.parameter("OrderId")
ENDPOINT_ID = reference.parameter("EndpointId")
EVENT_ID = reference.parameter("EventId")
WEBHOOK_CURSOR = reference.parameter("WebhookCursor")
BATCH_ID = reference.parameter("BatchId")
IF_MATCH = reference.parameter("IfMatch")
IF_NONE_MATCH = reference.parameter("IfNoneMatch")
VERSION = reference.parameter("Version")
AS_OF = reference.parameter("AsOf")
SAVE_DRAFT = reference.parameter("SaveDraft")
SIMPLIFIED_ORDER_FLOW = reference.parameter("SimplifiedOrderFlow")
PORTFOLIO_VERSION_CHOICE = reference.parameter("PortfolioVersion")
PREFER = reference.parameter("Prefer")
PREFER_EVENTS = reference.parameter("PreferEvents")
PREFER_SETTLED_BATCH = reference.parameter("PreferSettledBatch")
IDEMPOTENCY_KEY = reference.parameter("IdempotencyKey")


def limit(most: int, default: int) -> dict[str, Any]:
    """How many rows an answer has at most."""
    return {
        "name": "limit",
        "in": "query",
        "description": "How many at most.",
        "schema": {"type": "integer", "minimum": 1, "maximum": most, "default": default},
    }


def after(most: int) -> dict[str, Any]:
    """Where a page of events begins."""
    return {
        "name": "after",
        "in": "query",
        "description": "Only events behind this position: the `nextAfter` of the answer before.",
        "schema": {"type": "integer", "format": "int64", "minimum": 0, "maximum": most, "default": 0},
    }


def event_filters(customers_most: int) -> list[dict[str, Any]]:
    """Which events are asked for, and from where a live stream goes on."""
    return [
        {
            "name": "type",
            "in": "query",
            "description": "Only events of these types, separated by commas or repeated; the prefix may be left out.",
            "schema": {"type": "array", "items": reference.schema("OrderEventTypeEnum"), "minItems": 1},
        },
        {
            "name": "customerEntityUid",
            "in": "query",
            "description": "Only events of these customers' orders, separated by commas or repeated.",
            "schema": {
                "type": "array",
                "items": {"type": "string", "format": "uuid", "pattern": UUID_PATTERN},
                "minItems": 1,
                "maxItems": customers_most,
            },
        },
        {
            "name": "Last-Event-ID",
            "in": "header",
            "description": "Of a live stream: goes on behind this position, whatever `after` says.",
            "schema": {"type": "string", "pattern": "^[0-9]{1,19}$"},
        },
    ]


def item_filters(outcomes: Iterable[str], index_most: int) -> list[dict[str, Any]]:
    """Which items of a batch are asked for, and behind which."""
    return [
        {
            "name": "outcome",
            "in": "query",
            "description": "Only lines with this outcome.",
            "schema": {"type": "string", "enum": list(outcomes)},
        },
        {
            "name": "cursor",
            "in": "query",
            "description": "The `nextCursor` of the page before: only lines behind this index.",
            "schema": {"type": "integer", "minimum": 0, "maximum": index_most},
        },
    ]


def attempt_cursor(most: int) -> dict[str, Any]:
    """Where a page of attempts begins."""
    return {
        "name": "cursor",
        "in": "query",
        "description": "The `nextCursor` of the page before.",
        "schema": {"type": "integer", "format": "int64", "minimum": 1, "maximum": most},
    }
