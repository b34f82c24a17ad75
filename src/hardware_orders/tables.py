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
    Column("simplified", Boolean, nullable=False),
    Column("portfolio_uid", _uid()),
    Column("portfolio_version", Integer),
    # Waiting: an order waits for the worker exactly while due_at is set.
    Column("due_at", Instant),
    Column("intent", String(8)),  # what it waits for: DRAFT or SUBMIT
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
    Column("salt", String(32), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    Index("uq_order_events_order_id_sequence", "order_id", "sequence", unique=True),
    Index("uq_order_events_position", "position", unique=True),
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

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("caller", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("request_hash", String(64), nullable=False),
    Column("order_id", _uid(), nullable=False),
    Column("created_at", Instant, nullable=False),
)
