"""The event that every committed version of an order has: what changed, who did it, the order as it stands.

Each event's hash covers the one before, so that an event cannot be altered, left out or cut off unseen. The chain
covers a digest and not the data: personal data can be erased, salt with it, and the chain still verifies
(docs/adr/0004).
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hardware_orders import canonical, identifiers, instants
from hardware_orders.orders import view
from hardware_orders.orders.decide import Decision
from hardware_orders.orders.order import Order

SALT_BYTES = 16


def record(before: Order | None, decision: Decision) -> tuple[Order, dict[str, Any]]:
    """The order with its new `last_hash`, and the row for `order_events`, of a decision that has an event.

    `before` is None for an order's first event, whose `changes` are empty: its `order` is all there is.
    """
    order, event_type = decision.order, decision.event
    if event_type is None:
        raise ValueError("a decision without an event has no row")
    shown = view.as_json(order)
    data = canonical.text(
        {
            "previousStatus": before.status.value if before else None,
            "status": order.status.value,
            "changes": changes(view.as_json(before), shown) if before else [],
            "order": shown,
        }
    )
    actor = decision.actor.as_text()
    salt = identifiers.random_bytes(SALT_BYTES).hex()
    row: dict[str, Any] = {
        "event_id": identifiers.new(),
        "order_id": order.order_id,
        "sequence": order.version,
        "type": event_type.value,
        "occurred_at": order.modified_date,
        "actor": actor,
        "data": data,
        "salt": salt,
        "digest": digest(salt, actor, data),
    }
    row["hash"] = chain(before.last_hash if before else order.last_hash, row)
    return order._replace(last_hash=row["hash"]), row


def digest(salt: str, actor: str, data: str) -> str:
    """SHA-256 of salt, actor and data, a line each: what the chain knows of what may have to be erased."""
    return hashlib.sha256(f"{salt}\n{actor}\n{data}".encode()).hexdigest()


def chain(previous_hash: str, row: Mapping[str, Any]) -> str:
    """SHA-256 of the previous hash and the event's fixed members, a line each; none of them can hold a line end."""
    members: Sequence[str] = (
        previous_hash,
        row["event_id"],
        row["order_id"],
        str(row["sequence"]),
        row["type"],
        instants.text(row["occurred_at"]),
        row["digest"],
    )
    return hashlib.sha256("\n".join(members).encode()).hexdigest()


_ABSENT = object()


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The members that differ, by JSON Pointer (RFC 6901), each with its `old` and `new` value.

    A member that was or is absent has no `old` or `new`. Objects are compared member by member, arrays as a whole.
    """
    rows: list[dict[str, Any]] = []
    _compare("", before, after, rows)
    return rows


def _compare(pointer: str, before: Mapping[str, Any], after: Mapping[str, Any], rows: list[dict[str, Any]]) -> None:
    # Most members are the very same object, so those that differ are found first and sorted afterwards.
    differing = [name for name, new in after.items() if (old := before.get(name, _ABSENT)) is not new and old != new]
    differing += [name for name in before if name not in after]
    for name in sorted(differing):
        old, new = before.get(name, _ABSENT), after.get(name, _ABSENT)
        here = f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            _compare(here, old, new, rows)
            continue
        row: dict[str, Any] = {"pointer": here}
        if old is not _ABSENT:
            row["old"] = old
        if new is not _ABSENT:
            row["new"] = new
        rows.append(row)


def folded(datas: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The order that the first event's data shows, with all later changes made to it, member by member.

    Raises KeyError, TypeError or StopIteration for data that no order's events have. Changes the first one's `order`.
    """
    rest = iter(datas)
    shown: dict[str, Any] = next(rest)["order"]
    for data in rest:
        for change in data["changes"]:
            *parents, name = [part.replace("~1", "/").replace("~0", "~") for part in change["pointer"].split("/")[1:]]
            target: Any = shown
            for parent in parents:
                target = target[parent]
            if "new" in change:
                target[name] = change["new"]
            else:
                del target[name]
    return shown
