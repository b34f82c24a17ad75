"""The demo's orders: sends the samples with the client, as any program would, and reads what became of them."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hardware_orders.client import Client, ClientError, Event, Order, RefusedError

WAIT_SECONDS = 30  # a demo rather waits on a slow machine than shows orders that are not settled
NUMBERED_SECONDS = 15.0  # the relay numbers within milliseconds, and looks by itself every second
POLL_SECONDS = 0.05
# What becomes of an order, as opposed to a client or a service that does not work.
REFUSALS = (400, 409, 422)


class DemoFailedError(Exception):
    """The system did not answer as it should. The message says what was asked and what came instead."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one sample: the order and its events, or the refusal that ended its steps."""

    title: str
    order: Order | None
    events: Sequence[Event]
    refusal: RefusedError | None


def send(client: Client, samples: Sequence[Mapping[str, Any]]) -> list[Outcome]:
    """Send one sample after the other, then read them all as they stand. Raises DemoFailedError."""
    sent = [(sample["title"], *_steps(client, sample["steps"])) for sample in samples]
    return [_outcome(client, title, order, refusal) for title, order, refusal in sent]


def _steps(client: Client, steps: Sequence[Mapping[str, Any]]) -> tuple[Order | None, RefusedError | None]:
    """The order, None if there is none, and the refusal that ended its steps, if one did."""
    order = None
    for step in steps:
        try:
            order = client.wait_until_settled(_step(client, step, order), WAIT_SECONDS)
        except ClientError as error:
            if isinstance(error, RefusedError) and error.status in REFUSALS:
                return order, error
            raise DemoFailedError(f"the step {step['do']!r} failed: {error}") from None
    return order, None


def _step(client: Client, step: Mapping[str, Any], order: Order | None) -> Order:
    match step["do"], order:
        case "create", None:
            save_draft, simplified = bool(step.get("saveDraft")), bool(step.get("simplified"))
            return client.submit(step["body"], save_draft=save_draft, simplified=simplified, wait=WAIT_SECONDS)
        case "replace", Order() as draft:
            return client.replace(draft, step["body"], wait=WAIT_SECONDS)
        case "submit", Order() as draft:
            return client.submit_draft(draft, wait=WAIT_SECONDS)
        case "cancel", Order() as submitted:
            reason = step["body"]
            return client.cancel(submitted, reason["cancelReasonEnum"], reason.get("cancelAdditionalReason"))
        case other, _:
            raise ValueError(f"a sample cannot have the step {other!r} here")


def _outcome(client: Client, title: str, order: Order | None, refusal: RefusedError | None) -> Outcome:
    if order is None:
        return Outcome(title, None, (), refusal)
    try:
        return Outcome(title, client.get(order.order_id), _numbered(client, order), refusal)
    except ClientError as error:
        raise DemoFailedError(str(error)) from None


def _numbered(client: Client, order: Order) -> list[Event]:
    """The order's events, once the relay has given each its position among all events."""
    end = time.monotonic() + NUMBERED_SECONDS
    while True:
        events = list(client.events(order))
        if all(event.position for event in events):
            return events
        if time.monotonic() > end:
            raise DemoFailedError(f"the events of order {order.order_id} have no position yet; the relay does not work")
        time.sleep(POLL_SECONDS)
