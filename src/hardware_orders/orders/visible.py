"""The one place where the customers a caller may act for limit a query: in SQL, so that nothing foreign is read."""

from collections.abc import Collection

import orjson
from sqlalchemy import Text, bindparam

from hardware_orders import bulk, identifiers
from hardware_orders.tables import orders

Entities = Collection[str] | None
"""The customers a caller may act for; None means all of them."""

ENTITIES = bindparam("entities", type_=Text)
"""The parameter of every limited statement; `parameter` gives its value."""

CONDITION = bulk.is_one_of(orders.c.customer_entity_uid, ENTITIES)
"""What a limited statement over `orders` has in its WHERE."""

IS_THERE = orders.c.discarded_at.is_(None)
"""No read finds a discarded order but that of its timeline."""


def parameter(entities: Collection[str]) -> dict[str, str]:
    """The parameter of a statement with `CONDITION`. What is no UUID is no customer's, and refused by PostgreSQL."""
    return {"entities": orjson.dumps([uid for uid in set(entities) if identifiers.is_uuid(uid)]).decode()}


def among(entities: Entities, wanted: Entities) -> Entities:
    """Those of the wanted customers that the caller may act for; None only when both are all of them."""
    if entities is None or wanted is None:
        return wanted if entities is None else entities
    return set(entities) & set(wanted)
