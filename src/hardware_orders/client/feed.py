"""The events of all orders, page by page; and as they come, by asking for a page that is waited for."""

import time
from collections.abc import Callable, Collection, Iterator
from typing import Any

from hardware_orders.client.answers import Event
from hardware_orders.client.connection import ANSWER_SECONDS, Connection
from hardware_orders.client.errors import UnavailableError

EVENTS_MOST = 500  # that the service puts in one answer
# Above every position: the answer says where the events end.
END = 2**62
# How long the service holds a request for a page that would be empty: shorter than proxies wait.
WAIT_SECONDS = 20
# After a service that was not there; each try has paused before.
AWAY_SECONDS = 1.0


def events(connection: Connection, after: int, types: Collection[str], customers: Collection[str]) -> Iterator[Event]:
    """The events behind this position, up to now."""
    last = _page(connection, END, types, customers)["nextAfter"]
    while after < last:
        page = _page(connection, after, types, customers)
        yield from map(Event, page["events"])
        if page["nextAfter"] <= after:
            return
        after = page["nextAfter"]


def follow(
    connection: Connection,
    after: int | None,
    types: Collection[str],
    customers: Collection[str],
    *,
    on_away: Callable[[UnavailableError], None] | None,
) -> Iterator[Event]:
    """The events behind this position, or from now on, as they come."""
    while True:
        try:
            if after is None:
                after = _page(connection, END, types, customers)["nextAfter"]
            page = _page(connection, after, types, customers, wait=WAIT_SECONDS)
        except UnavailableError as failure:
            if on_away is None:
                raise
            on_away(failure)
            time.sleep(AWAY_SECONDS)
            continue
        yield from map(Event, page["events"])
        after = page["nextAfter"]


def _page(connection: Connection, after: int, types: Collection[str], customers: Collection[str], wait: int = 0) -> Any:
    asked = {
        "after": after,
        "limit": EVENTS_MOST,
        "type": ",".join(types) or None,
        "customerEntityUid": ",".join(customers) or None,
    }
    headers = {"Prefer": f"wait={wait}"} if wait else {}
    answer = connection.send(
        "GET", "/events", "nextAfter", params=asked, headers=headers, answer_seconds=ANSWER_SECONDS + wait
    )
    return answer.json
