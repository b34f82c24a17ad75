"""Idempotency keys: the key's row is written in its order's transaction and names the order.

So a repeat finds either nothing (then it is the first), or the order; it can never find a key without an order.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select, text, tuple_
from sqlalchemy.dialects import postgresql, sqlite

from hardware_orders.errors import HardwareOrdersError, KeyInFlightError, KeyReusedError
from hardware_orders.tables import idempotency_keys


@dataclass(frozen=True, slots=True)
class Key:
    """An Idempotency-Key of one caller, with the SHA-256 of what the request asks for."""

    caller: str
    key: str
    request_hash: str


@dataclass(frozen=True, slots=True)
class Repeat:
    """The key belongs to an earlier equal request, which made this order."""

    order_id: str


Claim = Repeat | HardwareOrdersError

_COLUMNS = idempotency_keys.c
# Two processes with one key at the same moment: the second is told at once, and holds up none of its neighbours.
_HELD_ELSEWHERE = text(
    "SELECT k FROM unnest(CAST(:keys AS text[])) AS k"
    " WHERE NOT pg_try_advisory_xact_lock(hashtextextended('hardware-orders ' || k, 0))"
)


def claim(connection: Connection, wanted: Sequence[tuple[Key, str]], now: datetime) -> Mapping[str, Claim]:
    """Write the keys of new orders; returns, by order id, those that are no new orders after all.

    `wanted` pairs each key with the id its order would have. Nothing here waits for another process, so two of them with
    crossed batches cannot lock each other out (docs/adr/0002).
    """
    if not wanted:
        return {}
    first: dict[tuple[str, str], tuple[Key, str]] = {}
    for key, order_id in wanted:
        first.setdefault((key.caller, key.key), (key, order_id))
    held = _held_elsewhere(connection, first)
    winners = _insert(connection, {name: first[name] for name in first.keys() - held}, now)
    known = {name: first[name] for name in winners} | _stored(connection, first.keys() - winners - held)
    claims: dict[str, Claim] = {}
    for key, order_id in wanted:
        name = (key.caller, key.key)
        if name in held:
            claims[order_id] = KeyInFlightError()
            continue
        owner, owned_order_id = known[name]
        if owner.request_hash != key.request_hash:
            claims[order_id] = KeyReusedError()
        elif owned_order_id != order_id:
            claims[order_id] = Repeat(owned_order_id)
    return claims


_Names = set[tuple[str, str]]
_Owned = dict[tuple[str, str], tuple[Key, str]]


def _held_elsewhere(connection: Connection, names: _Owned) -> _Names:
    if connection.dialect.name == "sqlite":
        return set()  # one writer at a time: nobody can be half-way
    by_text = {f"{len(caller)} {caller}{key}": (caller, key) for caller, key in names}
    return {by_text[held] for held in connection.execute(_HELD_ELSEWHERE, {"keys": sorted(by_text)}).scalars()}


def _insert(connection: Connection, owned: _Owned, now: datetime) -> _Names:
    if not owned:
        return set()
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(idempotency_keys).on_conflict_do_nothing().returning(_COLUMNS.caller, _COLUMNS.key)
    rows = [
        {"caller": caller, "key": name, "request_hash": key.request_hash, "order_id": order_id, "created_at": now}
        for (caller, name), (key, order_id) in owned.items()
    ]
    return {(row.caller, row.key) for row in connection.execute(statement, rows)}


def _stored(connection: Connection, names: _Names) -> _Owned:
    if not names:
        return {}
    query = select(idempotency_keys).where(tuple_(_COLUMNS.caller, _COLUMNS.key).in_(sorted(names)))
    return {
        (row.caller, row.key): (Key(row.caller, row.key, row.request_hash), row.order_id)
        for row in connection.execute(query)
    }
