"""Idempotency keys: the key's row is written in its order's transaction and names the order.

So a repeat finds either nothing (then it is the first), or the order; it can never find a key without an order. A key
that has expired is as if it had never been: its row is taken over, or deleted by the relay, whichever comes first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, delete, func, select, text, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError

from hardware_orders.database import Database
from hardware_orders.errors import HardwareOrdersError, KeyInFlightError, KeyReusedError
from hardware_orders.settings import IDEMPOTENCY_DAYS
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

LIFETIME = timedelta(days=IDEMPOTENCY_DAYS)
# Keys deleted in one transaction, some tens of milliseconds, during which only requests with these very keys wait. The
# relay does it every second, so that it keeps up with whatever was taken in.
FORGOTTEN_AT_ONCE = 5_000

_COLUMNS = idempotency_keys.c
# Two processes with one key at the same moment: the second is told at once, and holds up none of its neighbours.
_HELD_ELSEWHERE = text(
    "SELECT k FROM unnest(CAST(:keys AS text[])) AS k"
    " WHERE NOT pg_try_advisory_xact_lock(hashtextextended('hardware-orders ' || k, 0))"
)


def claim(
    connection: Connection, wanted: Sequence[tuple[Key, str]], now: datetime, lifetime: timedelta
) -> Mapping[str, Claim]:
    """Write the keys of new orders; returns, by order id, those that are no new orders after all.

    `wanted` pairs each key with the id its order would have; a key older than `lifetime` belongs to nobody. Nothing
    here waits for another process, so two of them with crossed batches cannot lock each other out (docs/adr/0002).
    """
    if not wanted:
        return {}
    first: dict[tuple[str, str], tuple[Key, str]] = {}
    for key, order_id in wanted:
        first.setdefault((key.caller, key.key), (key, order_id))
    held = _held_elsewhere(connection, first)
    winners = _insert(connection, {name: first[name] for name in first.keys() - held}, now, lifetime)
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


def is_of_keys(error: Exception) -> bool:
    """True when the statement that failed was one about keys."""
    return isinstance(error, DBAPIError) and idempotency_keys.name in (error.statement or "")


_Names = set[tuple[str, str]]
_Owned = dict[tuple[str, str], tuple[Key, str]]


def _held_elsewhere(connection: Connection, names: _Owned) -> _Names:
    if connection.dialect.name == "sqlite":
        return set()  # one writer at a time: nobody can be half-way
    by_text = {f"{len(caller)} {caller}{key}": (caller, key) for caller, key in names}
    return {by_text[held] for held in connection.execute(_HELD_ELSEWHERE, {"keys": sorted(by_text)}).scalars()}


def _insert(connection: Connection, owned: _Owned, now: datetime, lifetime: timedelta) -> _Names:
    """Write what nobody owns, or nobody any more.

    What is still owned comes out of this locked, so that it cannot expire and be deleted before it is read.
    """
    if not owned:
        return set()
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    insert = dialect.insert(idempotency_keys)
    statement = insert.on_conflict_do_update(
        index_elements=[_COLUMNS.caller, _COLUMNS.key],
        set_={name: insert.excluded[name] for name in ("request_hash", "order_id", "created_at")},
        where=_COLUMNS.created_at <= bindparam("expired", now - lifetime, _COLUMNS.created_at.type),
    ).returning(_COLUMNS.caller, _COLUMNS.key)
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


def forget(database: Database, lifetime: timedelta) -> int:
    """Delete the oldest keys that have expired, at most `FORGOTTEN_AT_ONCE`; returns how many.

    Waits for nobody: a key that is being taken over at this moment is skipped, so the two cannot lock each other out.
    """
    with database.read() as connection:
        expired = database.now(connection) - lifetime
        oldest = connection.execute(_OLDEST).scalar_one()
    if oldest is None or oldest > expired:
        return 0
    chosen = _EXPIRED.where(_COLUMNS.created_at <= expired)
    with database.write() as connection:
        gone = delete(idempotency_keys).where(tuple_(_COLUMNS.caller, _COLUMNS.key).in_(chosen))
        return connection.execute(gone).rowcount


_OLDEST = select(func.min(_COLUMNS.created_at))
_EXPIRED = (
    select(_COLUMNS.caller, _COLUMNS.key)
    .order_by(_COLUMNS.created_at)
    .limit(FORGOTTEN_AT_ONCE)
    .with_for_update(skip_locked=True)
)
