"""The baseline's tables, and the two connections that all of its processes use."""

import os
from datetime import UTC, datetime
from uuid import UUID

import redis
from sqlalchemy import DateTime, Index, Text, create_engine, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, sessionmaker

DATABASE_URL = os.environ["BASELINE_DATABASE_URL"]
REDIS_URL = os.environ["BASELINE_REDIS_URL"]
STREAM = "order-events"

engine = create_engine(DATABASE_URL)
Session = sessionmaker(engine)
redis_client = redis.Redis.from_url(REDIS_URL)


class Base(DeclarativeBase):
    """All tables of the baseline."""

    type_annotation_map = {str: Text, datetime: DateTime(timezone=True)}  # noqa: RUF012 - declared so by SQLAlchemy


class Order(Base):
    __tablename__ = "orders"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    order_reference: Mapped[str]
    customer_entity_uid: Mapped[UUID]
    requested_date: Mapped[datetime | None]
    po_ref: Mapped[str | None]
    notes: Mapped[str | None]
    payment_type: Mapped[str | None]
    package_bundle_id: Mapped[str | None]
    price: Mapped[str | None]
    status: Mapped[str]
    created_at: Mapped[datetime]


class OutboxEvent(Base):
    """One event of an order, waiting for the relay until it has `published_at`."""

    __tablename__ = "outbox"

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[UUID]
    order_reference: Mapped[str]
    status: Mapped[str]
    occurred_at: Mapped[datetime]
    published_at: Mapped[datetime | None]

    __table_args__ = (Index("ix_outbox_unpublished", "id", postgresql_where=text("published_at IS NULL")),)


class Portfolio(Base):
    """Three defaults for a customer's simplified orders."""

    __tablename__ = "portfolios"

    customer_entity_uid: Mapped[UUID] = mapped_column(primary_key=True)
    payment_type: Mapped[str]
    package_bundle_id: Mapped[str]
    price: Mapped[str]


def now() -> datetime:
    return datetime.now(UTC)
