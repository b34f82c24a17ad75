"""Delivers the log to the endpoints: one thread looks whose turn it is, one for each claim sends. Part of the relay."""

import threading
import time
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog

from hardware_orders import logging, tracing
from hardware_orders.database import Database
from hardware_orders.delivery import cloudevent, log
from hardware_orders.delivery.cloudevent import TYPE_PREFIX
from hardware_orders.delivery.webhooks import claims, endpoints
from hardware_orders.delivery.webhooks.attempts import Sent
from hardware_orders.delivery.webhooks.claims import SCAN_POSITIONS, Claim, Head, Waiting
from hardware_orders.delivery.webhooks.endpoint_secrets import Secrets, UnreadableSecretError
from hardware_orders.delivery.webhooks.message import Message, Result
from hardware_orders.errors import NoSuchWebhookError
from hardware_orders.settings import Network

if TYPE_CHECKING:
    from hardware_orders.delivery.webhooks.sending import Receiver

logger = structlog.get_logger()

# What waits for its time, and what other relays numbered, is looked for so often.
PASS_SECONDS = 1.0
# Events that follow closely are looked at together.
PASS_GAP_SECONDS = 0.05
# Requests at once. Their threads sleep nearly always; more of them would take the interpreter from the numbering.
SENDERS_MOST = 32
# Of them those whose endpoint failed or was slow the last time: however many such there are, others find a sender.
SUSPECTS_MOST = 16
# An answer that takes longer is slow; an honest receiver stores the event and answers.
SLOW_MS = 1_000
# Of one claim: then it is written down, and others have their turn. After a crash so many events come twice at most.
ROUND_EVENTS = 20
ROUND_SECONDS = 5.0
# Each holds a connection for a moment before and after its requests.
CONNECTIONS = 4
# A round that could not be written down is tried so often, a second apart: else its events come twice.
RECORD_TRIES = 3
# What is under way at the stop is finished if it can be in this time; its claim ends by itself otherwise.
STOP_SECONDS = 5.0


class Deliverer:
    """`run` on a thread of its own until `stop`; `wake` says that there are new events. Any number may run."""

    def __init__(self, database: Database, secrets: Secrets, allowed: Sequence[Network]) -> None:
        self._database = database
        self._secrets = secrets
        self._allowed = allowed
        self._stopping = threading.Event()
        self._woken = threading.Event()
        self._lock = threading.Lock()
        self._busy: dict[str, bool] = {}  # whether it is a suspect, by endpoint
        self._slow: set[str] = set()
        self._turns = threading.BoundedSemaphore(CONNECTIONS)
        # How far nothing concerns an endpoint, by its id and claim: what was looked at need not be looked at again.
        self._passed: dict[tuple[str, int], int] = {}

    def wake(self) -> None:
        """There are new events, or an endpoint is free again."""
        self._woken.set()

    def stop(self) -> None:
        """Send nothing more after what is under way."""
        self._stopping.set()
        self._woken.set()

    def run(self) -> None:
        """Look whose turn it is, again and again, until stopped."""
        while not self._stopping.is_set():
            self._woken.clear()
            is_anybody = False
            try:
                is_anybody = self.look()
            except Exception as error:  # noqa: BLE001  # the database is away: the next pass tries again
                logger.warning("webhook_pass_failed", error=type(error).__name__)
            # New events are nothing to nobody: each look costs as much as delivering some orders.
            self._stopping.wait(PASS_GAP_SECONDS if is_anybody else PASS_SECONDS)
            self._woken.wait(PASS_SECONDS)
        self.settle(STOP_SECONDS)

    def settle(self, seconds: float) -> bool:
        """Wait until nothing is being sent, at most so long; False if something still is."""
        until = time.monotonic() + seconds
        while self._busy and time.monotonic() < until:
            time.sleep(0.01)
        return not self._busy

    def look(self) -> bool:
        """One pass: give every endpoint that an event waits for to a sender, as long as there are free ones.

        False when there is no endpoint that this or another pass could send to soon.
        """
        is_sending = bool(self._busy)
        with self._turns, self._database.read() as connection:
            found, last = claims.waiting(connection, self._database)
            read: dict[int, list[Head]] = {}
            ready = []
            passed = {}
            for endpoint in found:
                key = (endpoint.endpoint_id, endpoint.claim)
                after = max(endpoint.position, self._passed.get(key, 0))
                if after < last and endpoint.endpoint_id not in self._busy:
                    if after not in read:
                        read[after] = claims.heads(connection, after, last)
                    if any(map(endpoint.concerns, read[after])):
                        ready.append(endpoint)
                    else:
                        after = min(last, after + SCAN_POSITIONS)
                        if after < last:
                            self._woken.set()
                passed[key] = after
        self._passed = passed
        for endpoint in ready:
            self._begin(endpoint)
        for endpoint in found:
            # Else a relay that starts would look at everything since the last event that concerned it.
            after = passed[endpoint.endpoint_id, endpoint.claim]
            if after - endpoint.position >= SCAN_POSITIONS and endpoint not in ready:
                with self._turns:
                    claims.advance(self._database, endpoint, after)
        return is_sending or bool(found)

    def _begin(self, endpoint: Waiting) -> None:
        is_suspect = endpoint.attempts > 0 or endpoint.endpoint_id in self._slow
        with self._lock:
            suspects = sum(self._busy.values())
            if self._stopping.is_set() or len(self._busy) >= SENDERS_MOST or (is_suspect and suspects >= SUSPECTS_MOST):
                return
            self._busy[endpoint.endpoint_id] = is_suspect
        name = f"webhook-{endpoint.endpoint_id[-4:]}"
        threading.Thread(target=self._send, args=(endpoint,), name=name, daemon=True).start()

    def _send(self, endpoint: Waiting) -> None:
        try:
            self._serve(endpoint)
        except NoSuchWebhookError:
            logger.info("webhook_removed_meanwhile", endpoint_id=endpoint.endpoint_id)
        except Exception as error:  # noqa: BLE001  # the database is away: the claim ends by itself
            logger.warning("webhook_round_failed", endpoint_id=endpoint.endpoint_id, error=type(error).__name__)
        finally:
            with self._lock:
                del self._busy[endpoint.endpoint_id]
            self.wake()

    def _serve(self, endpoint: Waiting) -> None:
        """One round: claim, send what waits until something fails or the round is over, write it down."""
        # Its HTTP client is of no use to a relay without endpoints.
        from hardware_orders.delivery.webhooks.sending import Receiver  # noqa: PLC0415

        with self._turns:
            held = claims.claim(self._database, endpoint)
        if held is None:
            return
        began = time.monotonic()
        with self._turns, self._database.read() as connection:
            start = max(endpoint.position, self._passed.get((endpoint.endpoint_id, endpoint.claim), 0))
            last = log.last_position(connection)
            wanted = [head for head in claims.heads(connection, start, last) if endpoint.concerns(head)]
            secrets = self._signing(connection, endpoint)
        made: list[tuple[Sent, Result]] = []
        position = start
        if isinstance(secrets, Result):
            made = [(self._sent(self._row(wanted[0].position)), secrets)] if wanted else []
        else:
            with Receiver(held.url, secrets, self._allowed) as receiver:
                for head in wanted[:ROUND_EVENTS]:
                    row = self._row(head.position)
                    result = _delivered(receiver, endpoint.endpoint_id, row)
                    made.append((self._sent(row), result))
                    if result.error is not None:
                        break
                    position = head.position
                    if self._stopping.is_set() or time.monotonic() - began > ROUND_SECONDS:
                        break
        self._note_speed(endpoint, made)
        self._record(held, position, made, failed_before=endpoint.attempts)

    def _signing(self, connection: Any, endpoint: Waiting) -> list[str] | Result:
        """The secrets; or, where none of our keys fits them, the attempt that this is in place of."""
        try:
            return endpoints.signing(connection, self._database, endpoint.endpoint_id, self._secrets)
        except UnreadableSecretError:
            logger.error("webhook_secret_unreadable", endpoint_id=endpoint.endpoint_id)  # noqa: TRY400  # no trace helps
            return Result(0, error="secret_unreadable")

    def _row(self, position: int) -> Any:
        """One event, read when its turn comes: a round's may be several megabytes."""
        with self._turns, self._database.read() as connection:
            return log.after(connection, position - 1, 1)[0]

    @staticmethod
    def _sent(row: Any) -> Sent:
        return Sent(row.event_id, TYPE_PREFIX + row.type, row.position)

    def _note_speed(self, endpoint: Waiting, made: Sequence[tuple[Sent, Result]]) -> None:
        is_slow = any(result.duration_ms > SLOW_MS for _, result in made)
        with self._lock:
            (self._slow.add if is_slow else self._slow.discard)(endpoint.endpoint_id)

    def _record(self, held: Claim, position: int, made: Sequence[tuple[Sent, Result]], *, failed_before: int) -> None:
        write = partial(claims.record, self._database, held, position, made, failed_before=failed_before)
        for left in reversed(range(RECORD_TRIES)):
            try:
                with self._turns:
                    write()
            except Exception:
                if not left:
                    raise
                self._stopping.wait(PASS_SECONDS)
            else:
                return


def _delivered(receiver: "Receiver", endpoint_id: str, row: Any) -> Result:
    """What became of one attempt, which is a span of the event's trace."""
    told = {"order_id": row.order_id, "event_id": row.event_id, "endpoint_id": endpoint_id}
    with tracing.span("deliver", cloudevent.trace_of(row), **told) as span:
        result = receiver.send(Message(row.event_id, cloudevent.as_text(row), span.trace))
        outcome = result.error or "delivered"
        span.note(outcome=outcome)
    logging.order_steps("event_sent", [{**told, "outcome": outcome}])
    return result
