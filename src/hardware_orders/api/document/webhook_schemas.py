"""The schemas of webhook endpoints and of attempts to send to them, as `api/webhooks.py` answers them."""

from hardware_orders.api.document import reference
from hardware_orders.api.document.objects import Schema, an_object, array, instant, text, uuid, whole_number, words
from hardware_orders.delivery.webhooks.attempts import Kind
from hardware_orders.delivery.webhooks.endpoints import Reason

_SECRET = text("Signs what is sent (Standard Webhooks); shown this once.", pattern="^whsec_[A-Za-z0-9+/=]+$")
_UNTIL = instant("Until when the secret before signs as well.")


def schemas() -> dict[str, Schema]:
    required, optional = _endpoint()
    return {
        "WebhookPausedReasonEnum": words(
            Reason,
            "Why nothing is sent. PAUSED: a caller said so. GONE: it answered 410. FAILING: it failed for three days.",
        ),
        "WebhookAttemptKindEnum": words(
            Kind,
            "DELIVERY: in its turn. REDELIVERY: somebody asked for this event again. TEST: somebody asked for a test.",
        ),
        "WebhookEndpoint": an_object("An endpoint that is told of events.", required, optional),
        "NewWebhookEndpoint": an_object("An endpoint that was just made.", {**required, "secret": _SECRET}, optional),
        "WebhookEndpoints": an_object(
            "A page of endpoints.",
            {"items": array("The oldest first.", reference.schema("WebhookEndpoint")), "nextCursor": _cursor()},
        ),
        "WebhookSecret": an_object("A new secret.", {"secret": _SECRET, "previousSecretUntil": _UNTIL}),
        "WebhookAttempts": an_object(
            "A page of attempts.",
            {"items": array("The newest first.", reference.schema("WebhookAttempt")), "nextCursor": _cursor()},
        ),
        "WebhookAttempt": _attempt(),
    }


def _endpoint() -> tuple[dict[str, Schema], dict[str, Schema]]:
    required = {
        "endpointId": uuid("The endpoint's id."),
        "url": text("Where events are sent.", format="uri"),
        "eventTypes": array("Only events of these types; all when empty.", reference.schema("OrderEventTypeEnum")),
        "enabled": {"type": "boolean", "description": "False while it is paused."},
        "position": whole_number("Every event up to it was delivered, or is of no concern to this endpoint."),
        "failedAttempts": whole_number("Failed attempts in a row to deliver the next event."),
        "createdAt": instant("When it was made."),
        "changedAt": instant("When a caller changed it last."),
    }
    optional = {
        "description": text("What it is for."),
        "customerEntityUids": array("Only events of these customers; of all when absent.", uuid("A customer.")),
        "pausedReason": reference.schema("WebhookPausedReasonEnum"),
        "pausedAt": instant("Since when it is paused."),
        "failingSince": instant("When the first of the failed attempts was made."),
        "nextAttemptAt": instant("When the next attempt is due, after a failed one."),
        "previousSecretUntil": _UNTIL,
    }
    return required, optional


def _attempt() -> Schema:
    return an_object(
        "An attempt to send an event to an endpoint.",
        {
            "eventId": uuid("The event's id, which was sent as `webhook-id`."),
            "eventType": text("The event's type."),
            "kind": reference.schema("WebhookAttemptKindEnum"),
            "attemptedAt": instant("When it was written down; those of one round have one instant."),
            "durationMs": whole_number("How long it took, in milliseconds."),
            "delivered": {"type": "boolean", "description": "True for an answer 2xx."},
        },
        {
            "position": whole_number("The event's position; a test has none.", 1),
            "status": {"type": "integer", "description": "The HTTP status of the answer; absent when there was none."},
            "error": text(
                "Why it is no delivery: refused, redirect, gone, timeout, connection, tls, protocol, unknown_host, "
                "address_refused, bad_url, secret_unreadable or fault."
            ),
            "answer": text("The beginning of the answer's body, without control characters."),
        },
    )


def _cursor() -> Schema:
    return {
        "type": ["string", "null"],
        "description": "What to send as `cursor` to go on from here; null when nothing follows.",
    }
