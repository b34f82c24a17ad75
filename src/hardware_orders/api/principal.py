"""The caller, once it is known: who it is, which customers it may act for, and what it may do."""

from collections.abc import Collection
from dataclasses import dataclass

from hardware_orders.actor import Actor

ALL_CUSTOMERS = "*"


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller. `entities` are the customers it may act for; None means all of them."""

    actor: Actor
    entities: frozenset[str] | None
    roles: frozenset[str]

    def may_act_for(self, customer_entity_uid: str) -> bool:
        return self.entities is None or customer_entity_uid in self.entities


def granted(actor: Actor, entities: Collection[str], roles: Collection[str]) -> Principal:
    """The principal that a token or an API key stands for; `*` among its entities means all customers."""
    return Principal(actor, None if ALL_CUSTOMERS in entities else frozenset(entities), frozenset(roles))
