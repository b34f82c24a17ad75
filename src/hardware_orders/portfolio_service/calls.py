"""What the service was asked, counted, so that whoever tries a client can hold it to its bounds."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# As many customers as the largest trial has, ten times over; the calls for others are counted together.
CUSTOMERS_MOST = 10_000


class Calls:
    """Calls of the lookup since the start or the last `clear`. Used by one thread, the event loop's."""

    def __init__(self) -> None:
        self._now = 0
        self.clear()

    def clear(self) -> None:
        """Count from zero; the calls that are being answered stay in `mostAtOnce`."""
        self.not_modified = self.followed = self._total = self._others = 0
        self._most_at_once = self._now
        self._per_customer: Counter[str] = Counter()

    @contextmanager
    def counted(self, customer_entity_uid: str | None) -> Iterator[None]:
        """A call for this customer, or for none that is a UUID, while it is answered."""
        self._total += 1
        self._now += 1
        self._most_at_once = max(self._most_at_once, self._now)
        has_room = customer_entity_uid in self._per_customer or len(self._per_customer) < CUSTOMERS_MOST
        if customer_entity_uid and has_room:
            self._per_customer[customer_entity_uid] += 1
        else:
            self._others += 1
        try:
            yield
        finally:
            self._now -= 1

    def as_json(self) -> dict[str, Any]:
        """`{"total", "notModified", "mostAtOnce", "followed", "perCustomer": {uuid: n}, "others"}`.

        `mostAtOnce` are calls that were being answered at the same time; `followed`, redirects that were followed.
        """
        return {
            "total": self._total,
            "notModified": self.not_modified,
            "mostAtOnce": self._most_at_once,
            "followed": self.followed,
            "perCustomer": dict(self._per_customer),
            "others": self._others,
        }
