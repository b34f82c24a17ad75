"""What a lookup of portfolios answers, for a whole batch of customers at once. Answers are values, never a raise."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from hardware_orders.portfolio.portfolio import Portfolio


@dataclass(frozen=True, slots=True)
class Found:
    """The customer's portfolios: at least one, exactly one of them the default."""

    portfolios: tuple[Portfolio, ...]


@dataclass(frozen=True, slots=True)
class UnknownCustomer:
    """The source answered and knows no such customer. Final: asking again does not help."""


@dataclass(frozen=True, slots=True)
class Unavailable:
    """The source did not answer, or not with portfolios; asking again later may help. `reason` is a plain sentence."""

    reason: str


@dataclass(frozen=True, slots=True)
class NotConfigured:
    """No source of portfolios is configured here."""


Outcome = Found | UnknownCustomer | Unavailable | NotConfigured

Lookup = Callable[[Collection[str]], Mapping[str, Outcome]]
"""From customerEntityUids to one outcome for each of them. May be called from several threads."""


class Source(Protocol):
    """A Lookup that also says what it knows without asking anybody."""

    def __call__(self, customer_entity_uids: Collection[str]) -> Mapping[str, Outcome]:
        """One outcome for each customer. May take seconds, within a bound; never raises."""
        ...

    def at_hand(self, customer_entity_uids: Collection[str]) -> Mapping[str, Outcome]:
        """What is known at once, without the network. Customers who would have to be asked for are left out."""
        ...

    def close(self) -> None:
        """End what it runs, within a second. It is asked nothing afterwards."""
        ...
