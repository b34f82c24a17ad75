"""Endpoints: who is told what, where, and how far it has come. A caller finds those whose customers are all its own."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, case, delete, func, insert, select, update

from hardware_orders import identifiers, operations
from hardware_orders.actor import Actor
from hardware_orders.database import Database
from hardware_orders.delivery import log, retention
from hardware_orders.delivery.webhooks import endpoint_secrets
from hardware_orders.delivery.webhooks.endpoint_secrets import OVERLAP, Secrets
from hardware_orders.errors import EventsGoneError, NoSuchPositionError, NoSuchWebhookError, WebhookRefusedError
from hardware_orders.tables import webhook_endpoints

# Every relay looks at all of them once a second; and of one customer so many are never meant.
ENDPOINTS_MOST = 1_000
OF_CUSTOMER_MOST = 20
ALL = "*"
# Endpoints are counted and added by one at a time. Any fixed number.
COUNT_LOCK = 7_310_022

Entities = Collection[str] | None
_C = webhook_endpoints.c


class Reason(StrEnum):
    """Why nothing is sent to an endpoint."""

    BY_CALLER = "PAUSED"
    GONE = "GONE"  # it answered 410
    FAILING = "FAILING"  # for three days


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint as it stands. `customers` and `event_types` are None for all of them."""

    endpoint_id: str
    url: str
    description: str | None
    customers: tuple[str, ...] | None
    event_types: tuple[str, ...] | None
    previous_secret_until: datetime | None
    created_at: datetime
    changed_at: datetime
    paused_at: datetime | None
    paused_reason: Reason | None
    position: int
    attempts: int
    failing_since: datetime | None
    due_at: datetime


_SHOWN = [_C[name] for name in Endpoint.__dataclass_fields__]


def create(database: Database, secrets: Secrets, actor: Actor, wanted: dict[str, Any]) -> tuple[str, str]:
    """Make an endpoint that is told what happens from now on; returns its id, and its secret for the only time.

    `wanted` are columns by name, as `columns` gives them. Raises WebhookRefusedError.
    """
    secret = endpoint_secrets.new()
    encrypted = secrets.encrypted(secret)
    endpoint_id = identifiers.new()
    with database.write() as connection:
        if not database.is_sqlite:  # where a transaction that writes is the only one
            connection.execute(select(func.pg_advisory_xact_lock(COUNT_LOCK)))
        _require_room(connection, wanted["customers"])
        now = database.now(connection)
        row = {
            "description": None,
            "paused_reason": None,
            **wanted,
            "endpoint_id": endpoint_id,
            "secret": encrypted,
            "created_at": now,
            "changed_at": now,
            "paused_at": now if wanted.get("paused_reason") else None,
            "position": log.last_position(connection),
            "attempts": 0,
            "due_at": now,
            "claim": 0,
        }
        connection.execute(insert(webhook_endpoints).values(row))
        operations.record(connection, actor, "webhook.created", endpoint_id)
    return endpoint_id, secret


def columns(
    customers: Collection[str] | None = None, event_types: Collection[str] | None = None, **others: Any
) -> dict[str, Any]:
    """Columns by name of what is known of an endpoint: customers None stands for all of them."""
    return {
        **others,
        "customers": ALL if customers is None else ",".join(sorted(customers)),
        "event_types": ",".join(sorted(event_types or ())),
    }


def get(connection: Connection, endpoint_id: str, entities: Entities) -> Endpoint:
    """The endpoint of this id. Raises NoSuchWebhookError when there is none, or none that the caller may see."""
    row = connection.execute(select(*_SHOWN).where(_C.endpoint_id == endpoint_id)).one_or_none()
    if row is None or not _is_visible(row.customers, entities):
        raise NoSuchWebhookError
    return _endpoint(row)


def visible(connection: Connection, entities: Entities) -> list[Endpoint]:
    """All endpoints that the caller may see, the oldest first; there are at most a thousand in all."""
    rows = connection.execute(select(*_SHOWN).order_by(_C.endpoint_id))
    return [_endpoint(row) for row in rows if _is_visible(row.customers, entities)]


def summary(connection: Connection, last: int) -> dict[str, int]:
    """How many endpoints there are, how many are paused and failing, and how many events the furthest behind lacks.

    `last` is the log's last position. Endpoints that are paused are behind because somebody wanted it.
    """
    is_told = _C.paused_at.is_(None)
    counted = select(
        func.count().label("endpoints"),
        func.count(_C.paused_at).label("paused"),
        func.count(case((is_told & (_C.attempts > 0), 1))).label("failing"),
        func.min(case((is_told, _C.position))).label("position"),
    )
    row = connection.execute(counted.select_from(webhook_endpoints)).one()
    behind = 0 if row.position is None else max(last - row.position, 0)
    return {"endpoints": row.endpoints, "paused": row.paused, "failing": row.failing, "behind": behind}


def change(database: Database, actor: Actor, endpoint_id: str, entities: Entities, changed: dict[str, Any]) -> None:
    """Change these columns, and begin anew where it failed. What a delivery under way brings is not written.

    `paused_reason` of None resumes: the endpoint goes on from where it stood. Raises NoSuchWebhookError, and
    WebhookRefusedError when it would pass over events that are no longer kept.
    """
    with database.write() as connection:
        now = database.now(connection)
        values = {**changed, "changed_at": now, "attempts": 0, "failing_since": None, "due_at": now}
        if "paused_reason" in changed:
            values["paused_at"] = now if changed["paused_reason"] else None
        before = _held(connection, endpoint_id, entities)
        if changed.get("paused_reason") and before.paused_reason:
            # It is paused already, and why stays known.
            values |= {"paused_at": before.paused_at, "paused_reason": before.paused_reason}
        kept_from = retention.deleted_to(connection)
        if changed.get("paused_reason", before.paused_reason) is None and before.position < kept_from:
            raise WebhookRefusedError(
                f"Events behind position {before.position} are no longer kept: it would pass over those up to {kept_from}. "
                f"If it may, replay it from there first."
            )
        _write(connection, endpoint_id, values)
        operations.record(connection, actor, "webhook.changed", endpoint_id, members=sorted(changed))


def replay(database: Database, actor: Actor, endpoint_id: str, entities: Entities, after: int) -> None:
    """Send every event behind this position again, or pass over those up to it.

    Raises NoSuchWebhookError, NoSuchPositionError, EventsGoneError.
    """
    with database.write() as connection:
        before = _held(connection, endpoint_id, entities)
        kept_from = retention.deleted_to(connection)
        if after < kept_from:
            raise EventsGoneError(kept_from + 1)
        if after > log.last_position(connection):
            raise NoSuchPositionError
        now = database.now(connection)
        _write(connection, endpoint_id, {"position": after, "attempts": 0, "failing_since": None, "due_at": now})
        operations.record(connection, actor, "webhook.replayed", endpoint_id, before=before.position, after=after)


def renew_secret(
    database: Database, secrets: Secrets, actor: Actor, endpoint_id: str, entities: Entities
) -> tuple[str, datetime]:
    """Give it a new secret; the one before signs as well until the instant returned.

    Raises NoSuchWebhookError, WebhookRefusedError.
    """
    secret = endpoint_secrets.new()
    encrypted = secrets.encrypted(secret)
    with database.write() as connection:
        before = _held(connection, endpoint_id, entities)
        until = database.now(connection) + OVERLAP
        _write(
            connection,
            endpoint_id,
            {"secret": encrypted, "previous_secret": before.secret, "previous_secret_until": until},
        )
        operations.record(connection, actor, "webhook.secret_renewed", endpoint_id)
    return secret, until


def remove(database: Database, actor: Actor, endpoint_id: str, entities: Entities) -> None:
    """Remove it for good; what was recorded of its attempts goes by retention. Raises NoSuchWebhookError."""
    with database.write() as connection:
        _held(connection, endpoint_id, entities)
        connection.execute(delete(webhook_endpoints).where(_C.endpoint_id == endpoint_id))
        operations.record(connection, actor, "webhook.removed", endpoint_id)


def signing(connection: Connection, database: Database, endpoint_id: str, secrets: Secrets) -> list[str]:
    """The secrets that sign for an endpoint now, the newest first.

    Raises UnreadableSecretError, WebhookRefusedError; NoSuchWebhookError when the endpoint was removed.
    """
    chosen = select(_C.secret, _C.previous_secret, _C.previous_secret_until).where(_C.endpoint_id == endpoint_id)
    row = connection.execute(chosen).one_or_none()
    if row is None:
        raise NoSuchWebhookError
    stored = [row.secret]
    if row.previous_secret and row.previous_secret_until > database.now(connection):
        stored.append(row.previous_secret)
    return [secrets.decrypted(text) for text in stored]


def encrypt_anew(database: Database, secrets: Secrets) -> tuple[int, int]:
    """Encrypt every secret with the first key; returns how many endpoints there are, and of how many none fitted."""
    unreadable = 0
    with database.write() as connection:
        rows = connection.execute(select(_C.endpoint_id, _C.secret, _C.previous_secret)).all()
        for row in rows:
            try:
                values = {
                    "secret": secrets.encrypted_anew(row.secret),
                    "previous_secret": row.previous_secret and secrets.encrypted_anew(row.previous_secret),
                }
            except endpoint_secrets.UnreadableSecretError:
                unreadable += 1
                continue
            connection.execute(update(webhook_endpoints).where(_C.endpoint_id == row.endpoint_id).values(values))
    return len(rows), unreadable


def _held(connection: Connection, endpoint_id: str, entities: Entities) -> Any:
    """The row, which is this transaction's from now on. Raises NoSuchWebhookError."""
    claimed = update(webhook_endpoints).where(_C.endpoint_id == endpoint_id).values(claim=_C.claim + 1)
    row = connection.execute(claimed.returning(*webhook_endpoints.c)).one_or_none()
    if row is None or not _is_visible(row.customers, entities):
        raise NoSuchWebhookError
    return row


def _write(connection: Connection, endpoint_id: str, values: dict[str, Any]) -> None:
    """Write to a row that is held; its claim is higher by one, so that a delivery under way writes nothing."""
    held = update(webhook_endpoints).where(_C.endpoint_id == endpoint_id)
    connection.execute(held.values({**values, "claimed_until": None}))


def _require_room(connection: Connection, customers: str) -> None:
    named = connection.execute(select(_C.customers)).scalars().all()
    if len(named) >= ENDPOINTS_MOST:
        raise WebhookRefusedError(f"There are {ENDPOINTS_MOST} webhook endpoints, which is the most; remove one.")
    for customer in customers.split(","):
        if sum(customer in others.split(",") for others in named) >= OF_CUSTOMER_MOST:
            whose = "all customers" if customer == ALL else "one of these customers"
            raise WebhookRefusedError(
                f"There are {OF_CUSTOMER_MOST} webhook endpoints of {whose}, the most; remove one."
            )


def _is_visible(customers: str, entities: Entities) -> bool:
    return entities is None or set(customers.split(",")) <= set(entities)


def split(text: str, everything: str) -> tuple[str, ...] | None:
    """The items of a column; None for all."""
    return None if text == everything else tuple(text.split(","))


def _endpoint(row: Any) -> Endpoint:
    fields = dict(zip(Endpoint.__dataclass_fields__, row, strict=True))
    fields["customers"] = split(row.customers, ALL)
    fields["event_types"] = split(row.event_types, "")
    fields["paused_reason"] = row.paused_reason and Reason(row.paused_reason)
    return Endpoint(**fields)
