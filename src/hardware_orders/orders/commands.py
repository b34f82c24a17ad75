"""What can be asked of an order: the commands that `decide` takes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hardware_orders.orders.actor import Actor
from hardware_orders.orders.status import Code, Intent
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


@dataclass(frozen=True, slots=True)
class Submit:
    """Asks for a draft or parked order to be submitted: from then on it waits for the worker."""

    actor: Actor


@dataclass(frozen=True, slots=True)
class Cancel:
    reason: str
    additional_reason: str | None
    actor: Actor


@dataclass(frozen=True, slots=True)
class Park:
    """Sets an order that cannot be settled aside, for a person to look at."""

    code: Code
    information: str


Command = Settle | Replace | Submit | Cancel | Park
