"""The tables. The order row is the truth, the event row its history; both are written in one transaction."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Dialect,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    Uuid,
    text,
)
from sqlalchemy.types import TypeEngine

from hardware_orders import instants


class Instant(TypeDecorator[datetime]):
    """An aware instant: `timestamptz` on PostgreSQL, sortable RFC 3339 text on SQLite, which has no such type."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(String(27) if dialect.name == "sqlite" else DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | str | None:
        return instants.text(value) if value is not None and dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | str | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if isinstance(value, str):
            return instants.parse(value)
        return value.astimezone(UTC) if value is not None else None


def _uid() -> Uuid[str]:
    """A UUID that Python sees as its canonical text: nothing here computes with UUIDs, so none is ever parsed."""
    return Uuid(as_uuid=False).with_variant(String(36), "sqlite")


# AUTOINCREMENT in SQLite needs exactly INTEGER; PostgreSQL gets the 64 bits.
_insertion_id = BigInteger().with_variant(Integer, "sqlite")

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

orders = Table(
    "orders",
    metadata,
    Column("order_id", _uid(), primary_key=True),
    Column("version", Integer, nullable=False),  # = number of its events
    Column("status", String(16), nullable=False),
    Column("detailed_status", String(32)),  # absent only while RECEIVED
    Column("code", String(64)),
    Column("information", Text),
    Column("status_changed_at", Instant, nullable=False),
    # What the order holds: `sent` is the client's body to the letter, `body` the same completed; null when nothing was
    # derived, so that the same text is not stored, sent and read twice.
    Column("sent", Text, nullable=False),
    Column("body", Text),
    Column("derived", Text),  # the rows of internal.derivedFields; null outside the simplified flow
    Column("derived_at", Instant),
    Column("missing", Text, nullable=False),  # what the portfolio could not give, as JSON Pointers
    Column("order_reference", Text, nullable=False),
    Column("customer_entity_uid", _uid(), nullable=False),
    Column("requested_date", Instant),
    Column("po_ref", Text),
    Column("merchant_name", Text),  # the completed body's, so that a search need not read bodies
    Column("simplified", Boolean, nullable=False),
    Column("portfolio_uid", _uid()),
    Column("portfolio_version", Integer),
    # Waiting: an order waits for the worker exactly while due_at is set.
    Column("due_at", Instant),
    Column("intent", String(8)),  # what it waits for: DRAFT, SUBMIT, PINNED or LATEST
    Column("due_actor", Text),  # on whose behalf
    Column("attempts", Integer, nullable=False),  # starts by the sweep that did not end
    Column("lookups", Integer, nullable=False),  # lookups in a row that found the Portfolio Service away
    Column("created_user_uid", Text),
    Column("created_by", Text, nullable=False),
    Column("created_date", Instant, nullable=False),
    Column("modified_user_uid", Text),
    Column("modified_by", Text, nullable=False),
    Column("modified_date", Instant, nullable=False),  # = occurred_at of the last event
    Column("submitted_at", Instant),
    Column("cancellations", Text, nullable=False),  # the rows of internal.cancellationHistory
    # Null in every new order, so that the insert does not name them.
    Column("tracking_reference", Text),
    Column("order_number", BigInteger),
    Column("portfolio_changes", Text),  # the rows of internal.portfolioChanges: what stopped a submission
    Column("discarded_at", Instant),  # from then on no read finds the order; its timeline stays
    Column("erased_at", Instant),  # from then on nothing in it is about a person
    Column("waiting_since", Instant),  # when it was asked for what it waits for; a new order waits since its creation
    Column("stalled_at", Instant),  # when it was told, once, that it waits for too long
    Column("failures", Text),  # attempts to settle it that failed (orders/failures.py); null where none did
    Column("last_hash", String(64), nullable=False),  # of the last event, so that a cut tail shows
    CheckConstraint("version >= 1", name="version"),
    CheckConstraint("(due_at IS NULL) = (intent IS NULL)", name="due_intent"),
    # The sweep and the workers find what waits without reading history.
    Index(
        "ix_orders_due_at",
        "due_at",
        postgresql_where=text("due_at IS NOT NULL"),
        sqlite_where=text("due_at IS NOT NULL"),
    ),
    # How many that wait have been told of: an outage is not told once for each order that it holds up.
    Index(
        "ix_orders_stalled",
        "order_id",
        postgresql_where=text("stalled_at IS NOT NULL AND due_at IS NOT NULL"),
        sqlite_where=text("stalled_at IS NOT NULL AND due_at IS NOT NULL"),
    ),
    # What a search walks along, each with the key that makes its order total (docs/adr/0014).
    Index("ix_orders_created_date", "created_date", "order_id"),
    Index("ix_orders_customer", "customer_entity_uid", "created_date", "order_id"),
    Index("ix_orders_reference", "order_reference", "created_date", "order_id"),
    # What a person has to look at, counted and listed without reading the rest (docs/adr/0024).
    Index(
        "ix_orders_parked",
        "code",
        "created_date",
        "order_id",
        postgresql_where=text("detailed_status = 'REQUIRES_ATTENTION'"),
        sqlite_where=text("detailed_status = 'REQUIRES_ATTENTION'"),
    ),
    # Updates that change no indexed column stay on their page (HOT) when it has room.
    postgresql_with={"fillfactor": 80},
)

order_events = Table(
    "order_events",
    metadata,
    Column("id", _insertion_id, primary_key=True, autoincrement=True),
    # Unique by its making (UUIDv7); an index on it would be written twice for each event, and nobody looks by it.
    Column("event_id", _uid(), nullable=False),
    Column("order_id", _uid(), nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("position", BigInteger),  # over all orders; null until numbered
    Column("type", String(32), nullable=False),
    Column("occurred_at", Instant, nullable=False),
    Column("actor", Text, nullable=False),
    Column("data", Text, nullable=False),
    Column("salt", String(32), nullable=False),  # empty once personal data has been erased
    Column("digest", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    Index("uq_order_events_order_id_sequence", "order_id", "sequence", unique=True),
    # Without the rows that have none yet: those are found by the index below.
    Index(
        "uq_order_events_position",
        "position",
        unique=True,
        postgresql_where=text("position IS NOT NULL"),
        sqlite_where=text("position IS NOT NULL"),
    ),
    Index(
        "ix_order_events_unnumbered",
        "id",
        postgresql_where=text("position IS NULL"),
        sqlite_where=text("position IS NULL"),
    ),
    sqlite_autoincrement=True,
)

relay_position = Table(
    "relay_position",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("last", BigInteger, nullable=False),
    CheckConstraint("id = 1", name="one_row"),
)

event_retention = Table(
    "event_retention",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("deleted_to", BigInteger, nullable=False),  # a position: events up to it were deleted
    CheckConstraint("id = 1", name="one_row"),
)

# Where an order's chain goes on from, once its first events have been deleted: the last one that was.
chain_starts = Table(
    "chain_starts",
    metadata,
    Column("order_id", _uid(), primary_key=True),
    Column("sequence", Integer, nullable=False),
    Column("hash", String(64), nullable=False),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("caller", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("request_hash", String(64), nullable=False),
    Column("order_id", _uid(), nullable=False),
    Column("created_at", Instant, nullable=False),
    Index(None, "created_at"),  # the expired are found by it
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("key_id", _uid(), primary_key=True),
    Column("digest", String(64), nullable=False),  # SHA-256 of the key; the key itself is stored nowhere
    Column("name", Text, nullable=False),
    Column("entities", Text, nullable=False),  # JSON: customerEntityUids, or `*` alone
    Column("roles", Text, nullable=False),  # JSON
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant),  # null: never
    Column("revoked_at", Instant),
    Column("last_used_at", Instant),  # to the hour
)

batches = Table(
    "batches",
    metadata,
    Column("batch_id", _uid(), primary_key=True),
    Column("caller", Text, nullable=False),  # whose it is; nobody else finds it
    Column("key", Text),  # its Idempotency-Key, by which an upload that broke goes on
    Column("created_at", Instant, nullable=False),
    Column("ended_at", Instant),  # when its last line had been read; null while it is uploaded
    Column("settled_at", Instant),  # when none of its orders waited any more
    Index("uq_batches_caller_key", "caller", "key", unique=True),
    Index(None, "settled_at"),  # those kept for long enough are found by it
    # The relay finds what has yet to settle without reading history.
    Index(
        "ix_batches_unsettled",
        "batch_id",
        postgresql_where=text("settled_at IS NULL"),
        sqlite_where=text("settled_at IS NULL"),
    ),
)

batch_items = Table(
    "batch_items",
    metadata,
    Column("batch_id", _uid(), primary_key=True),
    Column("item_index", Integer, primary_key=True, autoincrement=False),  # of its line, from 0
    Column("line_hash", String(64), nullable=False),  # what the line asks for, to know it again
    # Of the order that the line made; null for a line that failed, which has an error in their place.
    Column("order_id", _uid()),
    Column("customer_entity_uid", _uid()),
    Column("error", Text),
    Index(None, "order_id"),  # an erasure finds the line of an order
    CheckConstraint("(order_id IS NULL) = (error IS NOT NULL)", name="outcome"),
)

# What is about no single order: a batch settled, an endpoint paused, an operator's act on many. Rows are only added.
operations = Table(
    "operations",
    metadata,
    Column("id", _insertion_id, primary_key=True, autoincrement=True),
    Column("occurred_at", Instant, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", String(64), nullable=False),
    Column("subject", Text),
    Column("details", Text, nullable=False),  # JSON
    sqlite_autoincrement=True,
)

# How the whole system stood, a row a second, for everybody who looks at it (docs/adr/0024).
samples = Table(
    "samples",
    metadata,
    Column("second", BigInteger, primary_key=True, autoincrement=False),  # since 1970, by the database's clock
    Column("data", Text, nullable=False),  # JSON, as `sampling.sample` describes it
)

webhook_endpoints = Table(
    "webhook_endpoints",
    metadata,
    Column("endpoint_id", _uid(), primary_key=True),
    Column("url", Text, nullable=False),
    Column("description", Text),
    # Whose events it gets: customerEntityUids in order, with commas between them, or `*` alone.
    Column("customers", Text, nullable=False),
    Column("event_types", Text, nullable=False),  # with commas between them; empty for all
    Column("secret", Text, nullable=False),  # encrypted (delivery/webhooks/secret_keys.py)
    Column("previous_secret", Text),  # signs as well until then
    Column("previous_secret_until", Instant),
    Column("created_at", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("paused_at", Instant),  # null while events are delivered
    Column("paused_reason", String(16)),
    Column("position", BigInteger, nullable=False),  # every event up to it was delivered, or is of no concern here
    Column("attempts", Integer, nullable=False),  # failed ones in a row of the next event
    Column("failing_since", Instant),
    Column("due_at", Instant, nullable=False),  # the next attempt, not sooner
    Column("claim", Integer, nullable=False),  # counts claims and changes: who holds an older one may write nothing
    Column("claimed_until", Instant),
    CheckConstraint("(paused_at IS NULL) = (paused_reason IS NULL)", name="paused"),
)

webhook_attempts = Table(
    "webhook_attempts",
    metadata,
    Column("id", _insertion_id, primary_key=True, autoincrement=True),
    Column("endpoint_id", _uid(), nullable=False),
    Column("kind", String(12), nullable=False),
    Column("event_id", _uid(), nullable=False),
    Column("event_type", Text, nullable=False),
    Column("position", BigInteger),  # of its event; null for a test
    Column("attempted_at", Instant, nullable=False),
    Column("duration_ms", Integer, nullable=False),
    Column("status", Integer),  # of the answer; null when there was none
    Column("error", String(32)),  # why it is no delivery; null when it is one
    Column("answer", Text),  # the beginning of it, cleaned
    Index("ix_webhook_attempts_endpoint_id", "endpoint_id", "id"),
    # What is sent again, and what an order's erasure looks for, is found by its event.
    Index("ix_webhook_attempts_event_id", "event_id", "endpoint_id"),
    Index(None, "attempted_at"),  # the expired are found by it
    sqlite_autoincrement=True,
)
