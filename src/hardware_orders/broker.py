"""The broker: what a bell is, for those who ring it (API, sweep) and those who answer it (workers).

A message carries order ids and nothing else, so that losing, repeating or forging one can only cause another look.
"""

import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from celery import Celery
from kombu import Exchange, Queue

ORDERS_QUEUE = "orders"
SETTLE_TASK = "order.settle"
# Workers ignore a bell of a later schema; the sweep rings again once they have been replaced.
MESSAGE_SCHEMA = 1

# A ring that takes longer than this is given up: it may have been delivered, and the sweep rings again anyway.
RING_SECONDS = 0.8


def is_amqp(url: str) -> bool:
    return urlsplit(url).scheme in ("amqp", "amqps")


def celery_app(url: str) -> Celery:
    """The Celery application, as every process configures it: queue, serialiser, no result backend."""
    app = Celery("hardware-orders", broker=url, backend=None, set_as_current=False)
    app.conf.update(
        task_queues=[
            Queue(
                ORDERS_QUEUE,
                # The default exchange needs no binding, so a broker that comes back empty loses no route.
                Exchange(""),
                routing_key=ORDERS_QUEUE,
                queue_arguments={"x-queue-type": "quorum"} if is_amqp(url) else None,
            )
        ],
        task_default_queue=ORDERS_QUEUE,
        task_default_exchange="",
        task_default_routing_key=ORDERS_QUEUE,
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
    )
    return app


class Ringer:
    """Rings one bell at a time over a connection of its own. For one thread.

    Every step is bounded by RING_SECONDS; after a failure the next ring connects anew.
    """

    def __init__(self, url: str) -> None:
        self._app = celery_app(url)
        self._app.conf.broker_connection_timeout = RING_SECONDS
        self._app.conf.broker_transport_options = (
            {"confirm_publish": True, "read_timeout": RING_SECONDS, "write_timeout": RING_SECONDS}
            if is_amqp(url)
            else {
                "socket_connect_timeout": RING_SECONDS,
                "socket_timeout": RING_SECONDS,
                "socket_keepalive": True,
                "retry_on_timeout": False,
            }
        )
        self._options: dict[str, Any] = {"confirm_timeout": RING_SECONDS} if is_amqp(url) else {}
        self._connection: Any = None
        self._producer: Any = None

    def ring(
        self,
        order_ids: Sequence[str],
        *,
        reply_to: str | None = None,
        swept: bool = False,
        traceparent: str | None = None,
    ) -> None:
        """Tell a worker that these orders wait, with a header for who follows its messages. Raises whatever the broker's client raises when it is away."""
        message = {"schema": MESSAGE_SCHEMA, "ids": list(order_ids), "swept": swept, "reply_to": reply_to}
        try:
            self._app.send_task(
                SETTLE_TASK,
                kwargs=message,
                producer=self._connect(),
                queue=ORDERS_QUEUE,
                retry=False,
                ignore_result=True,
                argsrepr="",
                kwargsrepr=f"{len(order_ids)} order(s), the first {order_ids[0]}",
                headers={"rung_at": time.time(), **({"traceparent": traceparent} if traceparent else {})},
                **self._options,
            )
        except BaseException:
            self.close()
            raise

    def queued(self) -> int:
        """How many bells nobody has taken yet. Raises whatever the broker's client raises when it is away."""
        self._connect()
        channel = None
        try:
            channel = self._connection.channel()
            return int(channel.queue_declare(ORDERS_QUEUE, passive=True).message_count)
        except self._connection.channel_errors:
            return 0  # the queue does not exist before the first bell
        except BaseException:
            self.close()
            raise
        finally:
            if channel is not None:
                with suppress(Exception):
                    channel.close()

    def close(self) -> None:
        """Drop the connection without waiting for a broker that may not answer."""
        connection, self._connection, self._producer = self._connection, None, None
        if connection is not None:
            with suppress(Exception):
                connection.collect(socket_timeout=RING_SECONDS)

    def _connect(self) -> Any:
        if self._producer is None:
            self._connection = self._app.connection_for_write()
            self._connection.connect()
            self._producer = self._app.amqp.Producer(self._connection)
        return self._producer
