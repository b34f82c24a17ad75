"""What the OpenAPI document says of each operation: routes read their requests by hand, so this is said by hand.

The routes hand it on to the document (`document/build.py`) with their path, method, tag and docstring.
"""

from collections.abc import Sequence
from typing import Any

from hardware_orders.api.authentication import Role
from hardware_orders.api.bodies import NDJSON
from hardware_orders.api.document import examples, parameters, reference, search_parameters
from hardware_orders.api.document.responses import (
    JSON,
    KEY_IN_FLIGHT,
    NOT_DERIVABLE,
    PORTFOLIO_CHANGED,
    WEBHOOK_REFUSED,
    a_batch,
    an_answer,
    events_by_accept,
    no_content,
    problems,
    settled,
)
from hardware_orders.api.query import LIST_MOST_VALUES
from hardware_orders.intake.batch_progress import Outcome

# Events of one answer; the next page begins after `nextAfter`.
EVENTS_MOST = 500
EVENTS_DEFAULT = 100
# Far above every position, and a number that every client can hold.
POSITION_MOST = 2**62
# Items of a batch in one answer; the next page begins behind `nextCursor`.
ITEMS_MOST = 500
ITEMS_DEFAULT = 100
ITEM_INDEX_MOST = 2**31 - 1  # what the database's integer holds
# Endpoints, or attempts, of one answer.
WEBHOOKS_MOST = 100
WEBHOOKS_DEFAULT = 50
ATTEMPT_MOST = 2**62  # above every id of an attempt


def _operation(name: str, responses: dict[int, Any], *, roles: Sequence[Role], **extra: Any) -> dict[str, Any]:
    """For the route's decorator. Any one of the roles is enough; `extra` are further members of the operation."""
    always = problems(400, 401, 403, 429, 431, 500, 503)
    with_body = problems(408, 413, 415) if "requestBody" in extra else {}
    return {
        "operation_id": name,
        "responses": dict(sorted({**always, **with_body, **responses}.items())),
        "openapi_extra": {**extra, "security": [{"bearer": [role.value]} for role in roles]},
    }


def _body(schema: dict[str, Any], *shown: str) -> dict[str, Any]:
    content = {"schema": schema, "examples": {name: reference.example(name) for name in shown}}
    return {"required": True, "content": {JSON: content}}


ADD_HARDWARE_ORDER = _operation(
    "addHardwareOrder",
    {**settled("Idempotent-Replayed"), **KEY_IN_FLIGHT, **problems(422)},
    roles=[Role.ORDERS_WRITE],
    parameters=[
        parameters.SAVE_DRAFT,
        parameters.SIMPLIFIED_ORDER_FLOW,
        parameters.PREFER,
        parameters.IDEMPOTENCY_KEY,
    ],
    requestBody=_body(reference.schema("HardwareOrderRequest"), *examples.ORDER_BODIES),
)
PREVIEW_HARDWARE_ORDER = _operation(
    "previewHardwareOrder",
    {
        200: an_answer("What the order would be, completed now.", "OrderPreview", example="preview"),
        **NOT_DERIVABLE,
    },
    roles=[Role.ORDERS_WRITE],
    requestBody=_body(reference.schema("PartialHardwareOrder"), *examples.ORDER_BODIES),
)
ADD_BATCH = _operation(
    "addBatch",
    {
        202: a_batch(
            "Every line has been read, and its order stored if it is one; they will be settled. `Location` says where to look.",
            {"Location": reference.header("BatchLocation")},
        ),
        **problems(422),
    },
    roles=[Role.ORDERS_WRITE],
    parameters=[parameters.SAVE_DRAFT, parameters.SIMPLIFIED_ORDER_FLOW, parameters.IDEMPOTENCY_KEY],
    requestBody={
        "required": True,
        "content": {
            NDJSON: {"schema": reference.schema("OrderLines"), "examples": {"lines": reference.example("lines")}}
        },
    },
)
GET_BATCH = _operation(
    "getBatch",
    {
        200: a_batch(
            "How far the batch has come, and its items; items alone for `Accept: application/x-ndjson`, all of them.",
            {"Preference-Applied": reference.header("PreferenceApplied")},
            ndjson=True,
        ),
        **problems(404),
    },
    roles=[Role.ORDERS_READ, Role.ORDERS_WRITE],
    parameters=[
        parameters.BATCH_ID,
        *parameters.item_filters(Outcome, ITEM_INDEX_MOST),
        parameters.limit(ITEMS_MOST, ITEMS_DEFAULT),
        parameters.PREFER_SETTLED_BATCH,
    ],
)
REPLACE_HARDWARE_ORDER = _operation(
    "replaceHardwareOrder",
    {**settled(example="draft"), **problems(404, 409, 412)},
    roles=[Role.ORDERS_WRITE],
    parameters=[parameters.ORDER_ID, parameters.PREFER, parameters.IF_MATCH],
    requestBody=_body(reference.schema("HardwareOrderRequest"), *examples.ORDER_BODIES),
)
GET_ORDER = _operation(
    "getOrder",
    {
        200: an_answer(
            "The order as it stands, or as it stood: then without `internal.orderStats`.",
            "Order",
            "ETag",
            example="submitted",
            links=True,
        ),
        304: no_content("The caller has this version already.", "ETag"),
        **problems(404),
    },
    roles=[Role.ORDERS_READ, Role.ORDERS_WRITE],
    parameters=[parameters.ORDER_ID, parameters.VERSION, parameters.AS_OF, parameters.IF_NONE_MATCH],
)
SUBMIT_DRAFT = _operation(
    "submitDraft",
    {**settled(), **problems(404, 412), **PORTFOLIO_CHANGED},
    roles=[Role.ORDERS_WRITE],
    parameters=[
        parameters.ORDER_ID,
        parameters.PORTFOLIO_VERSION_CHOICE,
        parameters.PREFER,
        parameters.IF_MATCH,
    ],
)
CANCEL_ORDER = _operation(
    "cancelOrder",
    {
        200: an_answer("The order, cancelled, or asked to be.", "Order", "ETag", example="cancelled", links=True),
        **problems(404, 409, 412),
    },
    roles=[Role.ORDERS_WRITE],
    parameters=[parameters.ORDER_ID, parameters.IF_MATCH],
    requestBody=_body(reference.schema("OrderCancelRequest"), "cancellation"),
)
DISCARD_DRAFT = _operation(
    "discardDraft",
    {204: no_content("The order is gone; its timeline stays."), **problems(404, 409, 412)},
    roles=[Role.ORDERS_WRITE],
    parameters=[parameters.ORDER_ID, parameters.IF_MATCH],
)
REPORT_PROGRESS = _operation(
    "reportProgress",
    {
        200: an_answer("The order as it then stands.", "Order", "ETag", example="progressed", links=True),
        **problems(404, 409, 412),
    },
    roles=[Role.FULFILMENT],
    parameters=[parameters.ORDER_ID, parameters.IF_MATCH],
    requestBody=_body(reference.schema("OrderProgress"), "progress"),
)
ERASE_ORDER = _operation(
    "eraseOrder",
    {
        200: an_answer("The order without what was about a person.", "Order", "ETag", links=True),
        **problems(404, 409, 412),
    },
    roles=[Role.ADMIN],
    parameters=[parameters.ORDER_ID, parameters.IF_MATCH],
)
LIST_TRANSITIONS = _operation(
    "listTransitions",
    {200: an_answer("The statuses, their meanings, and the table of how orders move.", "Transitions")},
    roles=[Role.ORDERS_READ, Role.ORDERS_WRITE, Role.FULFILMENT],
)
ORDER_EVENTS = _operation(
    "listOrderEvents",
    {200: an_answer("The order's events, the oldest first.", "OrderEvents", example="events"), **problems(404)},
    roles=[Role.ORDERS_READ, Role.ORDERS_WRITE, Role.EVENTS_READ],
    parameters=[parameters.ORDER_ID, parameters.after(POSITION_MOST), parameters.limit(EVENTS_MOST, EVENTS_DEFAULT)],
)
LIST_EVENTS = _operation(
    "listEvents",
    {
        200: events_by_accept(
            "A page of the events, the oldest first. For `Accept: application/x-ndjson` every event up to now, and for "
            "`text/event-stream` those that come as well, without an end; that one begins now unless it is told where."
        ),
        **problems(410),
    },
    roles=[Role.EVENTS_READ],
    parameters=[
        parameters.after(POSITION_MOST),
        parameters.limit(EVENTS_MOST, EVENTS_DEFAULT),
        *parameters.event_filters(LIST_MOST_VALUES),
        parameters.PREFER_EVENTS,
    ],
)
SEARCH_ORDERS = _operation(
    "searchOrders",
    {
        200: an_answer(
            "A page of orders. `nextCursor` is null on the last. By cursor there is nothing but it and the `items`; by number "
            "there are totals, exact to 10,000 orders.",
            "OrderPage",
        )
    },
    roles=[Role.ORDERS_READ, Role.ORDERS_WRITE],
    parameters=search_parameters.SEARCH,
)
SEARCH_PARAMETERS = tuple(parameter["name"] for parameter in search_parameters.SEARCH)

_WEBHOOK = [parameters.ENDPOINT_ID]
ADD_WEBHOOK = _operation(
    "addWebhook",
    {
        201: {
            **an_answer("The endpoint, with its secret.", "NewWebhookEndpoint", example="newWebhook"),
            "headers": {**an_answer("", "Order")["headers"], "Location": reference.header("WebhookLocation")},
        },
        **WEBHOOK_REFUSED,
    },
    roles=[Role.WEBHOOKS_WRITE],
    requestBody=_body(reference.schema("WebhookEndpointRequest"), "webhookRequest"),
)
LIST_WEBHOOKS = _operation(
    "listWebhooks",
    {200: an_answer("A page of endpoints.", "WebhookEndpoints", example="webhooks")},
    roles=[Role.WEBHOOKS_WRITE],
    parameters=[parameters.WEBHOOK_CURSOR, parameters.limit(WEBHOOKS_MOST, WEBHOOKS_DEFAULT)],
)
GET_WEBHOOK = _operation(
    "getWebhook",
    {200: an_answer("The endpoint.", "WebhookEndpoint", example="webhook"), **problems(404)},
    roles=[Role.WEBHOOKS_WRITE],
    parameters=_WEBHOOK,
)
CHANGE_WEBHOOK = _operation(
    "changeWebhook",
    {200: an_answer("The endpoint as it then stands.", "WebhookEndpoint", example="webhook"), **problems(404)},
    roles=[Role.WEBHOOKS_WRITE],
    parameters=_WEBHOOK,
    requestBody=_body(reference.schema("WebhookEndpointChange"), "webhookResumed"),
)
REMOVE_WEBHOOK = _operation(
    "removeWebhook",
    {204: no_content("The endpoint is gone."), **problems(404)},
    roles=[Role.WEBHOOKS_WRITE],
    parameters=_WEBHOOK,
)
RENEW_WEBHOOK_SECRET = _operation(
    "renewWebhookSecret",
    {200: an_answer("The new secret.", "WebhookSecret", example="webhookSecret"), **problems(404), **WEBHOOK_REFUSED},
    roles=[Role.WEBHOOKS_WRITE],
    parameters=_WEBHOOK,
)
REPLAY_WEBHOOK = _operation(
    "replayWebhook",
    {200: an_answer("The endpoint as it then stands.", "WebhookEndpoint", example="webhook"), **problems(404)},
    roles=[Role.WEBHOOKS_WRITE],
    parameters=_WEBHOOK,
    requestBody=_body(reference.schema("WebhookReplay"), "webhookReplay"),
)
TEST_WEBHOOK = _operation(
    "testWebhook",
    {
        200: an_answer("What became of the test.", "WebhookAttempt", example="webhookTested"),
        **problems(404),
        **WEBHOOK_REFUSED,
    },
    roles=[Role.WEBHOOKS_WRITE],
    parameters=_WEBHOOK,
)
REDELIVER = _operation(
    "redeliver",
    {
        200: an_answer("What became of it.", "WebhookAttempt", example="webhookAttempt"),
        **problems(404),
        **WEBHOOK_REFUSED,
    },
    roles=[Role.WEBHOOKS_WRITE],
    parameters=[*_WEBHOOK, parameters.EVENT_ID],
)
LIST_DELIVERIES = _operation(
    "listDeliveries",
    {200: an_answer("A page of attempts.", "WebhookAttempts", example="webhookAttempts"), **problems(404)},
    roles=[Role.WEBHOOKS_WRITE],
    parameters=[
        *_WEBHOOK,
        parameters.attempt_cursor(ATTEMPT_MOST),
        parameters.limit(WEBHOOKS_MOST, WEBHOOKS_DEFAULT),
    ],
)
