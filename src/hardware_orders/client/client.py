"""The client: one method for each operation of the service, with typed answers and typed errors."""

import contextlib
import json
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime
from http import HTTPStatus
from types import TracebackType
from typing import Any, Literal, Self

from hardware_orders.client import feed
from hardware_orders.client.answers import RECEIVED, Batch, Event, Order, Preview
from hardware_orders.client.connection import ANSWER_SECONDS, Connection, Json, Lines, Token
from hardware_orders.client.errors import (
    ChangedError,
    ConflictError,
    NotFoundError,
    NotSettledError,
    RefusedError,
    UnavailableError,
)

# The longest that the service lets a caller wait for the settled order.
WAIT_MOST_SECONDS = 30
# With them a call that waits as long as it may has time for a second try.
CALL_SECONDS = 90.0
TRIES = 8
# Orders of one page; the bound of an answer counts on it.
PAGE_ORDERS = 50
# 100,000 lines at the pace of a slow line and a busy service.
UPLOAD_SECONDS = 1_800.0
ITEMS_MOST = 500

POLL_FIRST_SECONDS = 0.05
POLL_MOST_SECONDS = 1.0

# Members of an order that are not its body, so that they change without anybody replacing it.
WRITTEN_BY_THE_SERVICE = ("internal", "status", "modifiedUserUid", "modifiedBy", "modifiedDate")

Strings = Collection[str]
OrderId = Order | uuid.UUID | str
"""Which order: one that was read, or its id.

An act on an order that was read is refused with ChangedError once somebody has changed it since (If-Match, RFC 9110);
an act on an id is not compared.
"""


class Client:
    """Speaks to the service at `url`. Safe to share between threads; close it, or use it as a context manager.

    `token` is a Bearer token (a JWT, or an API key `hw_…`), or a function that gives one and is asked for every try.
    A call makes at most `tries` tries within `seconds`; only failures that can pass are tried again: no connection, no
    answer, 408, 429, 502, 503, 504, and 409 while the same key is in flight. It pauses at least as long as
    `Retry-After`.

    Every method raises RefusedError or one of its kinds when the service refuses, UnavailableError when it does not
    answer, and ValueError or TypeError for what cannot be sent.
    """

    def __init__(self, url: str, token: Token, *, tries: int = TRIES, seconds: float = CALL_SECONDS) -> None:
        self._connection = Connection(url, token, tries=tries, seconds=seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._connection.close()

    def submit(
        self,
        order: Json | str,
        *,
        save_draft: bool = False,
        simplified: bool = False,
        idempotency_key: str | None = None,
        wait: float | None = None,
    ) -> Order:
        """Send a new order: its body as a mapping, or as JSON text that is sent to the letter.

        It makes one order however often it has to be tried: without a key of yours the client makes one. Send the same
        key again after a crash of your own. `wait` is how many seconds to wait for the settled order, 0 not at all; the
        service chooses when it is None. An order that takes longer is returned with `is_settled` false.
        """
        headers = {
            "Idempotency-Key": str(uuid.uuid4()) if idempotency_key is None else idempotency_key,
            **({"saveDraft": "true"} if save_draft else {}),
            **({"X-Use-Simplified-Order-Flow": "true"} if simplified else {}),
        }
        return self._settling("POST", "/orders/hardware", wait, body=order, headers=headers)

    def preview(self, order: Json | str) -> Preview:
        """What the simplified flow would make of a new order, as the portfolio stands now. Nothing is stored.

        Raises ConflictError when no portfolio completes it: the customer or the portfolio is unknown, or there is no source.
        """
        return Preview(self._connection.send("POST", "/orders/hardware/preview", "derivedFields", body=order).json)

    def submit_batch(
        self, lines: Lines, *, idempotency_key: str, save_draft: bool = False, simplified: bool = False
    ) -> Batch:
        """Send many orders at once: `lines` gives them as NDJSON from the first one on, each time that it is called.

        Lines are orders as soon as they have arrived. An upload that breaks is sent again and goes on where it broke; under
        the same key that holds for a later call, too. `save_draft` and `simplified` hold for lines that do not say.
        """
        headers = {
            "Idempotency-Key": idempotency_key,
            **({"saveDraft": "true"} if save_draft else {}),
            **({"X-Use-Simplified-Order-Flow": "true"} if simplified else {}),
        }
        said: dict[str, Any] = {"answer_seconds": UPLOAD_SECONDS, "seconds": UPLOAD_SECONDS}
        return Batch(
            self._connection.send("POST", "/orders/hardware/batch", "batchId", body=lines, headers=headers, **said).json
        )

    def batch(self, batch_id: str, *, wait: float = 0) -> Batch:
        """The batch as far as it has come: once it has settled, or after `wait` seconds, at most 30."""
        granted = min(max(int(wait), 0), WAIT_MOST_SECONDS)
        said: dict[str, Any] = {"headers": {"Prefer": f"wait={granted}"}, "answer_seconds": ANSWER_SECONDS + granted}
        path = f"/orders/hardware/batch/{batch_id}"
        return Batch(self._connection.send("GET", path, "items", params={"limit": 1}, **said).json)

    def batch_items(self, batch_id: str, outcome: str | None = None) -> Iterator[Json]:
        """What became of each line: all of them, or those with the outcome `accepted`, `settled` or `failed`."""
        asked: dict[str, Any] = {"limit": ITEMS_MOST, "outcome": outcome}
        while True:
            page = self._connection.send("GET", f"/orders/hardware/batch/{batch_id}", "items", params=asked).json
            yield from page["items"]
            if page["nextCursor"] is None:
                return
            asked["cursor"] = page["nextCursor"]

    def get(self, order: OrderId, *, version: int | None = None, as_of: datetime | None = None) -> Order:
        """The order as it stands, or as it stood: at a version (its events are counted from 1), or at an instant."""
        return self._answered("GET", f"/orders/{_id(order)}", params={"version": version, "asOf": as_of})

    def replace(self, order: OrderId, body: Json | str, *, wait: float | None = None) -> Order:
        """Replace an order that has not been submitted: what the body leaves out is gone. `wait` as for `submit`.

        A body that was read may be changed and sent back whole: `{**order.json, "poRef": "4711"}`.
        """
        path = f"/orders/hardware/{_id(order)}"
        try:
            return self._settling("PUT", path, wait, body=body, headers=_if_match(order))
        except (ChangedError, ConflictError) as refusal:
            return self._done_by_an_earlier_try(refusal, order, lambda now: _is_body_of(body, now))

    def submit_draft(
        self,
        order: OrderId,
        *,
        portfolio_version: Literal["pinned", "latest"] | None = None,
        wait: float | None = None,
    ) -> Order:
        """Submit a draft, or an order that was parked before it was submitted. `wait` as for `submit`.

        A newer portfolio that would change a derived value stops it: ConflictError, with the difference in
        `problem["changes"]`. `portfolio_version` keeps the values of the draft (`pinned`) or takes the new ones (`latest`).
        """
        headers = _if_match(order)
        if portfolio_version is not None:
            headers["X-Portfolio-Version"] = portfolio_version
        try:
            return self._settling("POST", f"/orders/drafts/{_id(order)}", wait, headers=headers)
        except (ChangedError, ConflictError) as refusal:
            return self._done_by_an_earlier_try(refusal, order, lambda now: now.status == "SUBMITTED")

    def cancel(self, order: OrderId, reason: str, additional_reason: str | None = None) -> Order:
        """Cancel an order, while its `can_cancel` is true.

        `reason` is ADMIN_REASON, RELATED_PO_CHANGES, WRONG_PRODUCT, ORDER_LATE or OTHER.
        """
        body = _present(cancelReasonEnum=reason, cancelAdditionalReason=additional_reason)
        try:
            return self._answered("POST", f"/orders/{_id(order)}/cancel", body=body, headers=_if_match(order))
        except (ChangedError, ConflictError) as refusal:
            cancelled = ("CANCELLED", "CANCEL_REQUESTED", "CANCEL_INPROGRESS")
            return self._done_by_an_earlier_try(
                refusal, order, lambda now: now.status in cancelled or now.detailed_status in cancelled
            )

    def discard(self, order: OrderId) -> None:
        """Discard a draft: it is gone, only its timeline stays."""
        try:
            self._connection.send("DELETE", f"/orders/drafts/{_id(order)}", None, headers=_if_match(order))
        except NotFoundError as refusal:
            if not refusal.may_be_done:
                raise

    def search(self, **filters: Any) -> Iterator[Order]:
        """The orders that these filters choose, one page after the other until there is none; the newest come first.

        The filters are the service's own parameters: `search(status="DRAFT", customerEntityUids=[...])`. A list is sent
        as the parameter repeated, None not at all. `limit` (1 to 500, else 50) is the size of a page, not of the
        result.
        """
        asked = {"limit": PAGE_ORDERS, **filters}
        while True:
            page = self._connection.send("GET", "/orders", "items", params=asked).json
            for found in page["items"]:
                yield Order(found, is_settled=found["status"] != RECEIVED)
            if not page.get("nextCursor"):
                return
            asked["cursor"] = page["nextCursor"]

    def events(
        self, order: OrderId | None = None, *, after: int = 0, types: Strings = (), customers: Strings = ()
    ) -> Iterator[Event]:
        """The events up to now, the oldest first: an order's own, or without one all that the token may see.

        Of all events, `after` leaves out those up to that position, `types` all but those (`order.submitted`), and
        `customers` those of other customers' orders.
        """
        if order is None:
            return feed.events(self._connection, after, types, customers)
        return self._timeline(order)

    def follow(
        self,
        *,
        after: int | None = None,
        types: Strings = (),
        customers: Strings = (),
        on_away: Callable[[UnavailableError], None] | None = None,
    ) -> Iterator[Event]:
        """All events as they come, without an end; from now on, or behind a position: `after` as for `events`.

        `on_away` is told of each time that the service does not answer, and then it is tried again; without it
        UnavailableError is raised. Whoever keeps the last event's `position` can go on there.
        """
        return feed.follow(self._connection, after, types, customers, on_away=on_away)

    def _timeline(self, order: OrderId) -> Iterator[Event]:
        path, after, last = f"/orders/{_id(order)}/events", 0, 0
        while True:
            page = self._connection.send("GET", path, "events", params={"after": after, "limit": feed.EVENTS_MOST}).json
            # What has no position yet follows every position, so the next page may begin with it once more.
            fresh = [event for event in map(Event, page["events"]) if event.sequence > last]
            yield from fresh
            if not fresh or len(page["events"]) < feed.EVENTS_MOST:
                return
            after, last = page["nextAfter"], fresh[-1].sequence

    def report(
        self,
        order: OrderId,
        status: str,
        *,
        detailed_status: str | None = None,
        code: str | None = None,
        information: str | None = None,
        tracking_reference: str | None = None,
        order_number: int | None = None,
    ) -> Order:
        """Report how the fulfilment of an order goes on; needs the role `fulfilment`. The same report twice is one."""
        more = _present(
            detailedStatus=detailed_status,
            code=code,
            information=information,
            trackingReference=tracking_reference,
            orderNumber=order_number,
        )
        body = {"status": status, **more}
        return self._answered("POST", f"/orders/{_id(order)}/status", body=body, headers=_if_match(order))

    def transitions(self) -> Json:
        """The table of how an order may move between its statuses, as the service publishes it."""
        table: Json = self._connection.send("GET", "/orders/transitions", "transitions").json
        return table

    def wait_until_settled(self, order: Order, seconds: float = 60) -> Order:
        """The order once the service has decided what becomes of it. Raises NotSettledError when that takes longer."""
        if order.is_settled:
            return order
        end, pause = time.monotonic() + seconds, POLL_FIRST_SECONDS
        while True:
            now = self.get(order.order_id)
            # A draft that waits to be submitted reads DRAFT meanwhile, and is DRAFT again when that was refused.
            if now.is_settled and (now.status, now.modified_date) != (order.status, order.modified_date):
                return now
            if time.monotonic() + pause > end:
                raise NotSettledError(f"Order {order.order_id} is stored, but was not settled within {seconds:g} s.")
            time.sleep(pause)
            pause = min(pause * 1.5, POLL_MOST_SECONDS)

    def _settling(
        self, method: str, path: str, wait: float | None, *, headers: Mapping[str, str], body: Any = None
    ) -> Order:
        """An operation after which the order waits for a worker."""
        preferred, granted = {}, WAIT_MOST_SECONDS
        if wait is not None:
            granted = min(max(int(wait), 0), WAIT_MOST_SECONDS)
            preferred = {"Prefer": f"wait={granted}"}
        end = time.monotonic() + (wait or 0)
        order = self._answered(
            method, path, body=body, headers={**headers, **preferred}, answer_seconds=ANSWER_SECONDS + granted
        )
        if (
            wait and not order.is_settled
        ):  # the service waits no longer than it grants, and not at all without its broker
            with contextlib.suppress(NotSettledError):
                return self.wait_until_settled(order, end - time.monotonic())
        return order

    def _answered(self, method: str, path: str, **said: Any) -> Order:
        answer = self._connection.send(method, path, "orderId", **said)
        is_settled = answer.status != HTTPStatus.ACCEPTED and answer.json["status"] != RECEIVED
        return Order(answer.json, answer.headers.get("ETag"), is_settled)

    def _done_by_an_earlier_try(self, refusal: RefusedError, order: OrderId, is_done: Callable[[Order], bool]) -> Order:
        """The order, if the refusal is only of the repetition of a try that was carried out but not answered."""
        if refusal.may_be_done:
            now = self.get(_id(order))
            if is_done(now):
                return now
        raise refusal


def _id(order: OrderId) -> str:
    if isinstance(order, Order):
        return order.order_id
    try:
        return str(uuid.UUID(str(order)))
    except ValueError:
        raise ValueError("An order's id must be a UUID, as the service gave it.") from None


def _if_match(order: OrderId) -> dict[str, str]:
    return {"If-Match": order.etag} if isinstance(order, Order) and order.etag else {}


def _present(**members: str | int | None) -> dict[str, str | int]:
    return {name: value for name, value in members.items() if value is not None}


def _is_body_of(body: Json | str, order: Order) -> bool:
    sent = json.loads(body) if isinstance(body, str) else body
    return {k: v for k, v in sent.items() if k not in WRITTEN_BY_THE_SERVICE}.items() <= order.json.items()
