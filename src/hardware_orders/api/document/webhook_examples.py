"""The examples of webhook endpoints and attempts."""

from typing import Any

_CUSTOMER = "0d8b5f3e-7f3f-4c0a-9a43-6f0f6a5f1c22"
_REQUEST = {
    "url": "https://shop.example.com/hooks/orders",
    "description": "Shop",
    "eventTypes": ["hardware-orders.order.submitted", "hardware-orders.order.cancelled"],
    "customerEntityUids": [_CUSTOMER],
}
_SECRET = "whsec_" + "C2FVsBQIhrscChlQIMV+b5sSYspob7oD"


def examples(endpoint_id: str, event_id: str, instant: str) -> dict[str, tuple[str, Any]]:
    """Summary and value by name."""
    standing = {"endpointId": endpoint_id, "enabled": True, "position": 4711, "failedAttempts": 0}
    endpoint = {**_REQUEST, **standing, "createdAt": instant, "changedAt": instant}
    attempt = {
        "eventId": event_id,
        "eventType": "hardware-orders.order.submitted",
        "position": 4712,
        "kind": "DELIVERY",
        "attemptedAt": instant,
        "durationMs": 38,
        "delivered": False,
        "status": 500,
        "error": "refused",
        "answer": "out of order",
    }
    redelivered = {name: value for name, value in attempt.items() if name != "error"}
    redelivered |= {"kind": "REDELIVERY", "delivered": True, "status": 204, "answer": ""}
    tested = {name: value for name, value in redelivered.items() if name != "position"}
    tested |= {"kind": "TEST", "eventType": "hardware-orders.webhook.test"}
    return {
        "webhookRequest": ("Two types of one customer", _REQUEST),
        "webhookResumed": ("Resume it", {"enabled": True}),
        "webhookReplay": ("From a position", {"after": 4711}),
        "newWebhook": ("Just made", {**endpoint, "secret": _SECRET}),
        "webhook": ("As it stands", endpoint),
        "webhooks": ("One endpoint", {"items": [endpoint], "nextCursor": None}),
        "webhookSecret": ("A new one", {"secret": _SECRET, "previousSecretUntil": instant}),
        "webhookAttempt": ("Delivered", redelivered),
        "webhookTested": ("Delivered", tested),
        "webhookAttempts": ("It failed", {"items": [attempt], "nextCursor": None}),
    }
