"""What a person sends to an endpoint: a test, or an event once more. At once and out of turn; its position stays."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection

from hardware_orders import canonical, identifiers, instants, operations
from hardware_orders.actor import Actor
from hardware_orders.database import Database
from hardware_orders.delivery import cloudevent, log
from hardware_orders.delivery.cloudevent import TYPE_PREFIX
from hardware_orders.delivery.webhooks import attempts, claims, endpoints
from hardware_orders.delivery.webhooks.attempts import Kind, Sent
from hardware_orders.delivery.webhooks.endpoint_secrets import Secrets, UnreadableSecretError
from hardware_orders.delivery.webhooks.endpoints import Endpoint
from hardware_orders.delivery.webhooks.message import Message, Result
from hardware_orders.errors import NoSuchDeliveryError
from hardware_orders.settings import Network
from hardware_orders.trace_context import Trace

TEST_TYPE = TYPE_PREFIX + "webhook.test"
TEST_SOURCE = "/webhooks"


class Attempt(NamedTuple):
    """What was sent, when, and what became of it."""

    sent: Sent
    kind: Kind
    at: datetime
    result: Result


class ByHand:
    """Sends on behalf of callers. Its methods take as long as a receiver may, and hold no connection meanwhile."""

    def __init__(self, database: Database, secrets: Secrets, allowed: Sequence[Network]) -> None:
        self._database = database
        self._secrets = secrets
        self._allowed = allowed

    def test(self, actor: Actor, endpoint: Endpoint) -> Attempt:
        """Send an event that is about no order, whatever the endpoint takes. Raises WebhookRefusedError."""

        def test_event(connection: Connection) -> tuple[Sent, str]:
            event: dict[str, Any] = {
                "specversion": "1.0",
                "id": identifiers.new(),
                "source": TEST_SOURCE,
                "type": TEST_TYPE,
                "subject": endpoint.endpoint_id,
                "time": instants.text(self._database.now(connection)),
                "datacontenttype": "application/json",
                "data": {"endpointId": endpoint.endpoint_id},
            }
            return Sent(event["id"], TEST_TYPE, None), canonical.text(event)

        return self._sent(actor, endpoint, Kind.TEST, test_event)

    def redeliver(self, actor: Actor, endpoint: Endpoint, row: Any) -> Attempt:
        """Send an event that was sent to this endpoint before, as `recorded` gave it. Raises WebhookRefusedError."""
        sent = Sent(row.event_id, TYPE_PREFIX + row.type, row.position)
        return self._sent(
            actor,
            endpoint,
            Kind.REDELIVERY,
            lambda _connection: (sent, cloudevent.as_text(row)),
            cloudevent.trace_of(row),
        )

    def _sent(
        self,
        actor: Actor,
        endpoint: Endpoint,
        kind: Kind,
        made: Callable[[Connection], tuple[Sent, str]],
        trace: Trace | None = None,
    ) -> Attempt:
        # As in the deliverer: most processes of the API never send anything.
        from hardware_orders.delivery.webhooks.sending import Receiver  # noqa: PLC0415

        with self._database.read() as connection:
            sent, body = made(connection)
            try:
                secrets = endpoints.signing(connection, self._database, endpoint.endpoint_id, self._secrets)
            except UnreadableSecretError:
                secrets = []
        if secrets:
            with Receiver(endpoint.url, secrets, self._allowed) as receiver:
                result = receiver.send(Message(sent.event_id, body, trace))
        else:
            result = Result(0, error="secret_unreadable")
        with self._database.write() as connection:
            now = self._database.now(connection)
            attempts.record(connection, endpoint.endpoint_id, kind, now, [(sent, result)])
            action = "webhook.tested" if kind is Kind.TEST else "webhook.redelivered"
            operations.record(connection, actor, action, endpoint.endpoint_id, event=sent.event_id)
        return Attempt(sent, kind, now, result)


def recorded(connection: Connection, endpoint: Endpoint, event_id: str) -> Any:
    """The event of the log that was sent to this endpoint before, for a caller that sees it.

    Raises NoSuchDeliveryError when no attempt is recorded, or the event is of a customer that the endpoint lost.
    """
    position = attempts.position_of(connection, endpoint.endpoint_id, event_id)
    rows = log.after(connection, position - 1, 1)
    customers = [head.customer for head in claims.heads(connection, position - 1, position)]
    is_of_endpoint = endpoint.customers is None or set(customers) <= set(endpoint.customers)
    if not rows or rows[0].event_id != event_id or not is_of_endpoint:
        raise NoSuchDeliveryError
    return rows[0]
