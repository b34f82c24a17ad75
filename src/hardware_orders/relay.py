"""The relay process: numbers and publishes the log, sweeps, samples, and delivers webhooks. Any number may run."""

import threading
import time
from datetime import timedelta
from functools import partial

import redis
import structlog

from hardware_orders import garbage, notify
from hardware_orders.broker import Ringer
from hardware_orders.database import Database, DatabaseRole
from hardware_orders.delivery import numbering, redis_client, retention, wake
from hardware_orders.delivery.pulse import Pulse
from hardware_orders.delivery.stream import Stream
from hardware_orders.delivery.webhooks import attempts, deliverer, secret_keys
from hardware_orders.delivery.webhooks.deliverer import Deliverer
from hardware_orders.delivery.webhooks.endpoint_secrets import Secrets
from hardware_orders.intake import batches, idempotency, sweep
from hardware_orders.orders import stalls
from hardware_orders.sampling import sampler
from hardware_orders.sampling.portfolio_state import PortfolioState
from hardware_orders.sampling.sampler import Sampler
from hardware_orders.settings import Settings

log = structlog.get_logger()

# A pass every second finds what a crash left behind and what nobody said.
PASS_SECONDS = 1.0
# Events that follow closely are numbered together: without a gap every commit would cost a pass of its own.
PASS_GAP_SECONDS = 0.005
# The busier, the longer: a pass costs as much as some fifty events.
PASS_GAP_SECONDS_PER_EVENT = 0.00005
PASS_GAP_MOST_SECONDS = 0.015


class Relay:
    """Four loops, so that neither a broker, a receiver nor a sample that takes its time holds up an event."""

    def __init__(self, settings: Settings) -> None:
        self._database = Database(settings.database, role=DatabaseRole.RELAY, connections=3)
        self._stream = Stream(settings.events, settings.stream_maxlen)
        self._ringer = Ringer(settings.broker)
        # What is told of an order is decided as the workers decide, and with no more rights than theirs.
        self._orders = Database(settings.database, role=DatabaseRole.WORKER, connections=1)
        self._stalled_after = timedelta(seconds=settings.stalled_seconds)
        self._sampler = Sampler(
            self._database,
            Pulse(settings.events),
            PortfolioState(settings.portfolio_url, settings.events),
            self._stalled_after,
        )
        self._redis = redis_client.bounded(settings.events, PASS_SECONDS * 2)  # it is listened to for a pass at a time
        self._pubsub = self._redis.pubsub()  # type: ignore[no-untyped-call]
        self._key_lifetime = settings.key_lifetime
        self._attempt_lifetime = settings.webhook_attempt_lifetime
        self._event_lifetime, self._batch_lifetime = settings.event_lifetime, settings.batch_lifetime
        self._heartbeat_file = settings.heartbeat_file
        self._webhook_database = Database(settings.database, role=DatabaseRole.RELAY, connections=deliverer.CONNECTIONS)
        self._webhooks = Deliverer(self._webhook_database, Secrets(secret_keys.of(settings)), settings.webhook_allow)
        self._stopping = threading.Event()
        self._is_away = False

    def stop(self) -> None:
        """End after the pass under way; may be called from a signal handler."""
        self._stopping.set()

    def run(self) -> None:
        """Deliver until stopped, then once more: what was committed before the stop is published before the end."""
        sweeper = threading.Thread(target=self._sweep, name="sweep", daemon=True)
        sweeper.start()
        watcher = threading.Thread(target=self._sample, name="sample", daemon=True)
        watcher.start()
        webhooks = threading.Thread(target=self._webhooks.run, name="webhooks", daemon=True)
        webhooks.start()
        garbage.freeze()
        notify.ready()
        while not self._stopping.is_set():
            moved = self._deliver()
            if moved >= numbering.BATCH_EVENTS:
                continue  # a backlog: what waits fills the next pass as well
            if moved:
                self._webhooks.wake()
                time.sleep(min(PASS_GAP_SECONDS + PASS_GAP_SECONDS_PER_EVENT * moved, PASS_GAP_MOST_SECONDS))
            else:
                self._wait()
        self._deliver()
        self._webhooks.stop()
        webhooks.join(timeout=deliverer.STOP_SECONDS + 1)
        sweeper.join(timeout=2)
        watcher.join(timeout=2)
        self._webhook_database.dispose()
        self._database.dispose()
        self._orders.dispose()

    def _deliver(self) -> int:
        """One pass: number, then publish. A fault of one store never stops the process: the next pass tries again."""
        moved = 0
        try:
            numbered = numbering.number(self._database)
            moved = len(numbered)
            moved += self._stream.publish(self._database, numbered)
            notify.alive(self._heartbeat_file)
            self._say_away(None)
        except (redis.RedisError, OSError) as error:
            self._say_away(error)
            self._stopping.wait(0 if moved else PASS_SECONDS)
        except Exception as error:  # noqa: BLE001  # a database that is away, or a passing conflict
            log.warning("pass_failed", error=type(error).__name__)
            self._stopping.wait(PASS_SECONDS)
        return moved

    def _say_away(self, error: Exception | None) -> None:
        """One line when the stream goes and one when it is back: under load there are a hundred passes a second."""
        if error and not self._is_away:
            log.warning("stream_away", error=type(error).__name__)
        if self._is_away and not error:
            log.info("stream_back")
        self._is_away = error is not None

    def _wait(self) -> None:
        """Until somebody says that events wait, or a pass is due."""
        try:
            if not self._pubsub.subscribed:
                self._pubsub.subscribe(wake.RELAY_CHANNEL)
            self._pubsub.get_message(timeout=PASS_SECONDS)
            while self._pubsub.get_message(timeout=0):
                pass
        except (redis.RedisError, OSError):
            self._pubsub.close()
            self._pubsub = self._redis.pubsub()  # type: ignore[no-untyped-call]
            self._stopping.wait(PASS_SECONDS)

    def _sweep(self) -> None:
        rounds = (
            partial(sweep.sweep, self._database, self._ringer),
            partial(idempotency.forget, self._database, self._key_lifetime),
            partial(batches.mark_settled, self._database),
            partial(stalls.tell, self._orders, self._stalled_after),
            partial(attempts.forget, self._database, self._attempt_lifetime),
            partial(batches.forget, self._database, self._batch_lifetime),
            partial(retention.forget, self._database, self._event_lifetime),
        )
        while not self._stopping.wait(sweep.INTERVAL_SECONDS):
            for sweep_round in rounds:
                try:
                    sweep_round()
                except Exception as error:  # noqa: BLE001  # broker or database away: the next round tries again
                    log.warning("sweep_skipped", error=type(error).__name__)
        self._ringer.close()

    def _sample(self) -> None:
        while not self._stopping.wait(sampler.INTERVAL_SECONDS):
            try:
                self._sampler.take()
            except Exception as error:  # noqa: BLE001  # the database is away: nobody could look at a sample either
                log.warning("sample_skipped", error=type(error).__name__)
