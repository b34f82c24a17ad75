"""Finds the orders of a customer that tell of a person: as they stand, and in every version that they had."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, and_, bindparam, or_, select

from hardware_orders.database import Database, DatabaseRole
from hardware_orders.orders import personal, store, view
from hardware_orders.orders.order import Order
from hardware_orders.tables import Instant, order_events, orders

# Orders of one transaction, each read with all its versions: a few megabytes where orders are as large as they can be.
PAGE_ORDERS = 50
# Fewer digits are a house number or a postal code.
PHONE_LEAST_DIGITS = 6

_ORDER = orders.c
_PAGE = (
    select(orders)
    .where(
        _ORDER.customer_entity_uid == bindparam("customer"),
        _ORDER.erased_at.is_(None),
        or_(
            _ORDER.created_date > bindparam("since", type_=Instant),
            and_(_ORDER.created_date == bindparam("since", type_=Instant), _ORDER.order_id > bindparam("behind")),
        ),
    )
    .order_by(_ORDER.created_date, _ORDER.order_id)
    .limit(PAGE_ORDERS)
)
_VERSIONS = select(order_events.c.data).where(order_events.c.order_id == bindparam("of_order"))
_START = datetime.fromisoformat("2000-01-01T00:00:00Z")
_FIRST_ID = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, slots=True)
class Person:
    """What is known of a person; an order is found by any of them. Raises ValueError when it would find everything."""

    email: str | None = None
    phone: str | None = None
    name: str | None = None

    def __post_init__(self) -> None:
        if not (self.email or self.phone or self.name):
            raise ValueError("name an e-mail address, a telephone number or a name")
        if self.email and "@" not in self.email:
            raise ValueError("an e-mail address has an @")
        if self.phone and len(_digits(self.phone)) < PHONE_LEAST_DIGITS:
            raise ValueError(f"a telephone number has at least {PHONE_LEAST_DIGITS} digits")
        if self.name and not _words(self.name):
            raise ValueError("a name has a letter")

    def is_in(self, value: Any) -> bool:
        """True when these values, of an order's personal members, tell of the person."""
        return any(self._is_told_by(text) for text in _texts(value))

    def _is_told_by(self, text: str) -> bool:
        if self.email and self.email.casefold() in text.casefold():
            return True
        if self.name and _words(self.name) <= _words(text):
            return True
        return bool(self.phone) and _is_number(_digits(self.phone or ""), _digits(text))


def find(database: Database, customer: str, person: Person) -> Iterator[Order]:
    """The customer's orders that tell of this person, the oldest first; those erased already tell of nobody."""
    since, behind = _START, _FIRST_ID
    while True:
        with database.write_for([customer], DatabaseRole.ERASER) as connection:
            page = connection.execute(_PAGE, {"customer": customer, "since": since, "behind": behind}).mappings().all()
            read = [store.order_of(row) for row in page]
            found = [order for order in read if _tells(connection, order, person)]
        yield from found
        if len(read) < PAGE_ORDERS:
            return
        since, behind = read[-1].created_date, read[-1].order_id


def _tells(connection: Connection, order: Order, person: Person) -> bool:
    if person.is_in(personal.held(view.as_json(order))):
        return True
    versions = connection.execute(_VERSIONS, {"of_order": order.order_id}).scalars()
    return any(person.is_in(personal.held(orjson.loads(data)["order"])) for data in versions)


def _texts(value: Any) -> Iterator[str]:
    """Every text, and those of each object together: first and last name, or calling code and number, are apart."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield " ".join(text for text in value.values() if isinstance(text, str))
        for member in value.values():
            yield from _texts(member)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.casefold()))


def _digits(text: str) -> str:
    return re.sub(r"\D", "", text)


def _is_number(wanted: str, written: str) -> bool:
    """The same number, whichever of the two has the country's code or the zero in front."""
    wanted, written = wanted.lstrip("0"), written.lstrip("0")
    return wanted in written or (len(written) >= PHONE_LEAST_DIGITS and wanted.endswith(written))
