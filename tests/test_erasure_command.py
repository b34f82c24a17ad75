"""`hardware-orders erase`: the orders of a person are found in all their versions, shown, and erased when that is said."""

import json
import uuid
from typing import Any

import pytest
from sqlalchemy import select
from typer.testing import CliRunner, Result

from hardware_orders import identifiers
from hardware_orders.actor import Actor
from hardware_orders.cli import app
from hardware_orders.database import Database
from hardware_orders.intake.group_commit import Accepted, Request, store_by_halves
from hardware_orders.orders import change
from hardware_orders.orders.commands import Cancel, Receive, Replace
from hardware_orders.orders.person_search import PAGE_ORDERS, Person
from hardware_orders.orders.status import Intent
from hardware_orders.tables import order_events, orders

ANN = Actor("u-ann", "Ann")
OURS, THEIRS = (str(uuid.UUID(int=number)) for number in (1, 2))
CONTACT = {
    "name": {"firstName": "Zoë", "lastName": "Quartermain"},
    "email": "Zoe.Q@example.com",
    "phoneNumbers": [{"callingCode": "33", "value": "0600551177"}],
}
PERSON = ["--customer", OURS, "--email", "zoe.q@EXAMPLE.com"]


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["erase", *words])


@pytest.fixture(autouse=True)
def environment(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "EVENTS_URL", "BROKER_URL"):
        monkeypatch.setenv(f"HARDWARE_ORDERS_{name}", database_url if name == "DATABASE_URL" else "redis://127.0.0.1:1")


def stored(database: Database, customer: str, *, is_over: bool = True, **members: Any) -> str:
    body = {"orderReference": "R-1", "customerEntityUid": customer, **members}
    command = Receive(identifiers.new(), json.dumps(body), body, Intent.DRAFT, simplified=False, actor=ANN)
    (outcome,) = store_by_halves(database, [Request(command, None)])
    assert isinstance(outcome, Accepted)
    if is_over:
        change.change(database, command.order_id, None, Cancel("OTHER", None, ANN))
    return command.order_id


def test_a_person_is_found_shown_and_erased_when_that_is_said(database: Database) -> None:
    over = stored(database, OURS, merchant={"primaryContact": CONTACT})
    theirs = stored(database, THEIRS, merchant={"primaryContact": CONTACT})
    others = [stored(database, OURS, notes="Nobody.") for _ in range(PAGE_ORDERS + 1)]
    waiting = stored(database, OURS, is_over=False, merchant={"shippingAddress": {"contact": CONTACT}})
    replaced = stored(database, OURS, is_over=False, notes="Call zoe.q@example.com.")
    body = {"orderReference": "R-2", "customerEntityUid": OURS}
    change.change(database, replaced, None, Replace(json.dumps(body), body, ANN))
    change.change(database, replaced, None, Cancel("OTHER", None, ANN))

    shown = run(*PERSON)
    assert (shown.exit_code, "2 of 3 would be erased, for ever. Add --yes to do it." in shown.output) == (1, True)
    assert all(each in shown.output for each in (over, replaced, waiting, "    /merchant/primaryContact\n"))
    assert not any(each in shown.output for each in (theirs, *others, "zoe", "Zo"))
    assert erased(database) == set()

    done = run(*PERSON, "--yes")
    assert (done.exit_code, "2 of 3 are erased." in done.output, "cancel it first" in done.output) == (1, True, True)
    assert erased(database) == {over, replaced}
    with database.read() as connection:
        told = select(order_events.c.data).where(order_events.c.order_id.in_([over, replaced]))
        assert "zoe" not in str(connection.execute(told).all()).casefold()

    change.change(database, waiting, None, Cancel("OTHER", None, ANN))
    again = run(*PERSON, "--yes")
    assert (again.exit_code, "1 of 1 are erased." in again.output) == (0, True)
    assert "No order tells of this person." in run(*PERSON).output
    by_id = run("--order", theirs, "--order", over, "--yes")
    assert (by_id.exit_code, "2 of 2 are erased." in by_id.output) == (0, True)


def erased(database: Database) -> set[str]:
    with database.read() as connection:
        return set(connection.execute(select(orders.c.order_id).where(orders.c.erased_at.is_not(None))).scalars())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "name orders by --order"),
        (["--order", OURS, *PERSON], "name orders by --order"),
        (["--order", OURS.upper() + "A"], "is no UUID"),
        (["--order", OURS], "there is no order"),
        (["--email", "z@example.com"], "name the customer"),
        (["--customer", OURS], "name an e-mail address"),
        (["--customer", OURS, "--email", "zoe"], "has an @"),
        (["--customer", OURS, "--phone", "12 34"], "at least 6 digits"),
        (["--customer", OURS, "--name", " - "], "has a letter"),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_is_wrong_is_said(words: list[str], said: str) -> None:
    refused = run(*words)
    assert (refused.exit_code, said in " ".join(refused.output.replace("│", " ").split())) == (2, True), refused.output


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("known", "is_known"),
    [
        ({"email": "ZOE.q@example.com"}, True),
        ({"email": "oe.q@example.org"}, False),
        ({"phone": "+33 6 00 55 11 77"}, True),
        ({"phone": "0600551177"}, True),
        ({"phone": "+33 6 00 55 11 78"}, False),
        ({"name": "QUARTERMAIN, zoë"}, True),
        ({"name": "Quarter"}, False),
        ({"name": "Zoë", "email": "nobody@example.com"}, True),
    ],
)
def test_a_person_is_known_by_any_of_what_is_known(known: dict[str, str], *, is_known: bool) -> None:
    assert Person(**known).is_in({"/merchant/primaryContact": CONTACT}) is is_known
