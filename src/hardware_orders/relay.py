"""The relay process: numbers the log, publishes it to the stream, and sweeps. Any number of them may run."""

import threading
import time

import redis
import structlog

from hardware_orders import garbage, notify
from hardware_orders.broker import Ringer
from hardware_orders.database import Database
from hardware_orders.delivery import numbering, wake
from hardware_orders.delivery.stream import Stream
from hardware_orders.intake import sweep
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
    """Two loops, so that a broker that does not answer holds up no event."""

    def __init__(self, settings: Settings) -> None:
        self._database = Database(settings.database, connections=2)
        self._stream = Stream(settings.events, settings.stream_maxlen)
        self._ringer = Ringer(settings.broker)
        # Blocks for at most a pass; a reconnect is this loop's own business.
        self._redis = redis.Redis.from_url(
            settings.events, socket_connect_timeout=1, socket_timeout=PASS_SECONDS * 2, retry=None, retry_on_error=[]
        )
        self._pubsub = self._redis.pubsub()  # type: ignore[no-untyped-call]
        self._heartbeat_file = settings.heartbeat_file
        self._stopping = threading.Event()
        self._is_away = False

    def stop(self) -> None:
        """End after the pass under way; may be called from a signal handler."""
        self._stopping.set()

    def run(self) -> None:
        """Deliver until stopped, then once more: what was committed before the stop is published before the end."""
        sweeper = threading.Thread(target=self._sweep, name="sweep", daemon=True)
        sweeper.start()
        garbage.freeze()
        notify.ready()
        while not self._stopping.is_set():
            moved = self._deliver()
            if moved:
                time.sleep(min(PASS_GAP_SECONDS + PASS_GAP_SECONDS_PER_EVENT * moved, PASS_GAP_MOST_SECONDS))
            else:
                self._wait()
        self._deliver()
        sweeper.join(timeout=2)
        self._database.dispose()

    def _deliver(self) -> int:
        """One pass: number, then publish. A fault of one store never stops the process: the next pass tries again."""
        moved = 0
        try:
            moved = numbering.number(self._database)
            moved += self._stream.publish(self._database)
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
        while not self._stopping.wait(sweep.INTERVAL_SECONDS):
            try:
                sweep.sweep(self._database, self._ringer)
            except Exception as error:  # noqa: BLE001  # broker or database away: the next round tries again
                log.warning("sweep_skipped", error=type(error).__name__)
        self._ringer.close()
