"""What this process remembers of the Portfolio Service: its answers, about whom it could not be asked, and counts.

Nothing here waits, so that an order whose portfolios are at hand is settled at once.
"""

import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Collection, Mapping

from hardware_orders.portfolio.entry import Entry
from hardware_orders.portfolio.lookup import Outcome, Unavailable

# Customers whose orders a process settles within a day, with some kilobytes each. Read, they take six times the room, and
# thirteen times once an order was completed by them, which a worker's child has.
ENTRIES_MOST = 4_096
BYTES_MOST = 12 * 1_048_576
# A customer about whom the service could not be asked is not asked about again for so long: one whose answer is always
# wrong must not take every probe from the others.
FAILED_SECONDS = 2.0
FAILED_MOST = 10_000


class Memory:
    """The least recently used is forgotten first. May be used from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: OrderedDict[str, Entry] = OrderedDict()
        self._bytes = 0
        self._failed: dict[str, tuple[float, Unavailable]] = {}  # until when, by the monotonic clock
        self._counts: Counter[str] = Counter()

    def at_hand(self, customers: Collection[str]) -> dict[str, Outcome]:
        """What is fresh, and what could not be asked a moment ago. The others are left out."""
        now, monotonic = time.time(), time.monotonic()
        outcomes: dict[str, Outcome] = {}
        for customer in customers:
            entry = self.get(customer)
            until, failure = self._failed.get(customer, (0.0, None))
            if entry and entry.is_fresh(now):
                self.count("hits")
                outcomes[customer] = entry.outcome
            elif failure and until > monotonic:
                outcomes[customer] = self.in_place_of(failure, customer)
        return outcomes

    def in_place_of(self, failure: Unavailable, customer: str) -> Outcome:
        """What is still usable of an older answer, while the service is away; else the failure."""
        entry = self.get(customer)
        if entry and entry.is_stale_but_usable(time.time()):
            self.count("stale")
            return entry.outcome
        self.count("unavailable")
        return failure

    def get(self, customer: str) -> Entry | None:
        with self._lock:
            entry = self._entries.get(customer)
            if entry:
                self._entries.move_to_end(customer)
            return entry

    def put(self, customer: str, entry: Entry) -> None:
        """Remember the newest; what was checked before that one is no news."""
        with self._lock:
            self._failed.pop(customer, None)
            before = self._entries.get(customer)
            if before and before.checked_at > entry.checked_at:
                return
            self._entries.pop(customer, None)
            self._bytes += len(entry.document) - (len(before.document) if before else 0)
            self._entries[customer] = entry
            while len(self._entries) > ENTRIES_MOST or self._bytes > BYTES_MOST:
                _, forgotten = self._entries.popitem(last=False)
                self._bytes -= len(forgotten.document)

    def put_failure(self, customer: str, failure: Unavailable) -> Outcome:
        """Remember it for a moment. Returns what there is in its place."""
        with self._lock:
            if len(self._failed) >= FAILED_MOST:
                self._failed.clear()
            self._failed[customer] = time.monotonic() + FAILED_SECONDS, failure
        return self.in_place_of(failure, customer)

    def count(self, name: str) -> None:
        with self._lock:
            self._counts[name] += 1

    def take_counts(self) -> Mapping[str, int]:
        """What was counted since the last time."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
            return counts

    def add_counts(self, counts: Mapping[str, int]) -> None:
        """Give back what could not be told."""
        with self._lock:
            self._counts.update(counts)
