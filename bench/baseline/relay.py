"""The baseline's relay: publishes the outbox to the stream, one event after the other."""

import time

from sqlalchemy import select

from bench.baseline.tables import STREAM, OutboxEvent, Session, now, redis_client

BATCH_EVENTS = 100
IDLE_SECONDS = 0.1


def publish() -> int:
    """Publish the oldest events that wait, at most BATCH_EVENTS, and commit. Returns how many they were."""
    waiting = (
        select(OutboxEvent)
        .where(OutboxEvent.published_at.is_(None))
        .order_by(OutboxEvent.id)
        .limit(BATCH_EVENTS)
        .with_for_update(skip_locked=True)
    )
    with Session() as session:
        events = session.scalars(waiting).all()
        for event in events:
            redis_client.xadd(
                STREAM,
                {
                    "order_id": str(event.order_id),
                    "order_reference": event.order_reference,
                    "status": event.status,
                    "occurred_at": event.occurred_at.isoformat(),
                },
            )
            event.published_at = now()
        session.commit()
        return len(events)


if __name__ == "__main__":
    while True:
        if not publish():
            time.sleep(IDLE_SECONDS)
