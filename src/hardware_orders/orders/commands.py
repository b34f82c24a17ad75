"""What can be asked of an order: the commands that `decide` takes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from hardware_orders.actor import Actor
from hardware_orders.orders.status import Code, Intent, State
from hardware_orders.portfolio.lookup import Outcome


@dataclass(frozen=True, slots=True)
class Receive:
    """A client's new order: `sent` is its body to the letter, `body` the same parsed."""

    order_id: str
    sent: str
    body: Mapping[str, Any]
    intent: Intent
    simplified: bool
    actor: Actor
    patience: timedelta = timedelta(0)
    """How much later the sweep may think that its bell was lost; for orders whose bell is not rung at once."""


@dataclass(frozen=True, slots=True)
class Settle:
    """The worker's turn. `portfolio` is what the lookup found; None for an order outside the simplified flow."""

    portfolio: Outcome | None


@dataclass(frozen=True, slots=True)
class Replace:
    """A new body for an order that has not been submitted."""

    sent: str
    body: Mapping[str, Any]
    actor: Actor


Submission = Literal[Intent.SUBMIT, Intent.PINNED, Intent.LATEST]


@dataclass(frozen=True, slots=True)
class Submit:
    """Asks for a draft or parked order to be submitted: from then on it waits for the worker.

    `intent` says which values a draft of the simplified flow takes; outside of it all three mean the same.
    """

    actor: Actor
    intent: Submission = Intent.SUBMIT


@dataclass(frozen=True, slots=True)
class Cancel:
    reason: str
    additional_reason: str | None
    actor: Actor


@dataclass(frozen=True, slots=True)
class Discard:
    """Throws away an order that has not been submitted."""

    actor: Actor


@dataclass(frozen=True, slots=True)
class Progress:
    """Fulfilment's report of where an order stands.

    `code` and `information` belong to the state and are gone with it; a reference or number once reported stays.
    """

    state: State
    code: str | None
    information: str | None
    tracking_reference: str | None
    order_number: int | None
    actor: Actor


@dataclass(frozen=True, slots=True)
class Park:
    """Sets an order that cannot be settled aside, for a person to look at."""

    code: Code
    information: str


@dataclass(frozen=True, slots=True)
class Erase:
    """Erases what is about a person from an order that is over."""

    actor: Actor


@dataclass(frozen=True, slots=True)
class Stall:
    """Tells that an order waits for longer than it should, once; it goes on waiting."""


Command = Settle | Replace | Submit | Discard | Cancel | Progress | Park | Stall | Erase
