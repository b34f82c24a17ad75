"""The workers' Celery application: `celery -A workers.app worker -Q orders`, or simply `hardware-orders worker`."""

import os
import socket
from typing import Any

from hardware_orders.left_out import left_out

# Every child would load a parser of C, 4 MB, to ask the kernel that it ends with this process; ctypes asks as well.
with left_out("cffi"):
    from billiard import pool
from celery import signals
from celery.worker import state

from hardware_orders import broker, garbage, logging, notify, settings
from hardware_orders.delivery.pulse import Pulse

configuration = settings.load()

# A child that ends first waits for its parent to have seen its results, 300 times 0.1 s. A parent that lost its broker
# has forgotten the bells in hand and counts none of theirs; and nobody here reads results.
pool.GUARANTEE_MESSAGE_CONSUMPTION_RETRY_LIMIT = 10

app = broker.celery_app(configuration.broker)
app.conf.update(
    include=["workers.orders"],
    # A bell may be lost, so it is acknowledged when it is taken and never repeated: the sweep rings again
    # (docs/adr/0005). Late acknowledgement repeats a batch that kills its worker, whole and for ever.
    task_acks_late=False,
    task_reject_on_worker_lost=False,
    task_retry_on_worker_lost=False,
    worker_prefetch_multiplier=1,
    # The lookup is bounded to seconds; a batch that takes this long is stuck.
    task_soft_time_limit=45,
    task_time_limit=60,
    broker_transport_options=(
        {"confirm_publish": True}
        if broker.is_amqp(configuration.broker)
        else {
            "socket_connect_timeout": 2,
            "socket_timeout": 15,
            "socket_keepalive": True,
            "health_check_interval": 10,
        }
    ),
    worker_cancel_long_running_tasks_on_connection_loss=True,
    worker_soft_shutdown_timeout=25,
    # Children only grow: a fresh one now and then costs half a second.
    worker_max_tasks_per_child=50_000,
    worker_max_memory_per_child=400_000,  # KiB
    worker_concurrency=configuration.worker_concurrency,
    worker_hijack_root_logger=False,
    worker_redirect_stdouts=False,
    # Two thirds of a bell's cost in this process. Flower asks for them when it starts, and Celery then sends them.
    worker_send_task_events=False,
)

pulse = Pulse(configuration.events)


@signals.setup_logging.connect
def configure_logging(**_: Any) -> None:
    logging.configure(configuration.log_format, "worker", log_orders=configuration.log_orders)


@signals.worker_init.connect
def freeze(**_: Any) -> None:
    garbage.freeze()


@signals.worker_ready.connect
def ready(**_: Any) -> None:
    notify.ready()


@signals.heartbeat_sent.connect
def beat(**_: Any) -> None:
    """Every two seconds, while the worker's loop runs and it is connected to the broker."""
    notify.alive(configuration.heartbeat_file)
    pulse.beat(
        f"{socket.gethostname()}-{os.getpid()}",
        active=len(state.active_requests),
        processed=sum(state.total_count.values()),
    )
