"""Deriving: what holds for every valid portfolio and every valid partial order."""

import copy
import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from hardware_orders.contract.body import check_order
from hardware_orders.orders.defaults import Derivation, derive
from hardware_orders.portfolio.portfolio import Portfolio, parse_portfolios
from tests.portfolio.strategies import LEAST, a_portfolio, orders, portfolios

NOW = datetime(2026, 12, 22, 9, 0, tzinfo=UTC)

valid = settings(deadline=None)


@valid
@given(orders, portfolios)
def test_what_the_caller_sent_stays_to_the_character_and_the_portfolio_too(
    body: dict[str, Any], portfolio: Portfolio
) -> None:
    sent, rules = copy.deepcopy(body), portfolio.model_dump_json()
    derivation = derive(body, portfolio, NOW)
    assert body == sent
    assert portfolio.model_dump_json() == rules
    assert holds_all_of(derivation.body, sent)


def holds_all_of(body: Any, sent: Any) -> bool:
    if isinstance(sent, Mapping):
        return all(name in body and holds_all_of(body[name], value) for name, value in sent.items())
    if isinstance(sent, list):
        return len(body) == len(sent) and all(map(holds_all_of, body, sent))
    return bool(body == sent) and type(body) is type(sent)


@valid
@given(orders, portfolios)
def test_a_valid_order_stays_valid(body: dict[str, Any], portfolio: Portfolio) -> None:
    assert check_order(derive(body, portfolio, NOW).body, complete=False) == check_order(body, complete=False) == []


@valid
@given(orders, portfolios)
def test_deriving_what_was_derived_changes_nothing(body: dict[str, Any], portfolio: Portfolio) -> None:
    once = derive(body, portfolio, NOW)
    assert derive(once.body, portfolio, NOW) == Derivation(once.body, (), once.missing)


@valid
@given(orders, portfolios, st.data())
def test_sending_any_derived_values_back_changes_nothing(
    body: dict[str, Any], portfolio: Portfolio, data: st.DataObject
) -> None:
    once = derive(body, portfolio, NOW)
    sent = copy.deepcopy(body)
    for row in once.derived:
        if data.draw(st.booleans()):
            put(sent, row.pointer, row.value)
    again = derive(sent, portfolio, NOW)
    assert (again.body, again.missing) == (once.body, once.missing)


@valid
@given(orders, portfolios)
def test_sent_and_derived_together_are_the_order_and_each_value_is_one_row(
    body: dict[str, Any], portfolio: Portfolio
) -> None:
    derivation = derive(body, portfolio, NOW)
    rebuilt = copy.deepcopy(body)
    for row in derivation.derived:
        put(rebuilt, row.pointer, row.value)
    assert rebuilt == derivation.body
    pointers = [row.pointer for row in derivation.derived]
    assert pointers == sorted(set(pointers))
    assert list(derivation.missing) == sorted(set(derivation.missing))


@valid
@given(orders, orders, portfolios)
def test_no_order_is_derived_twice_differently_whatever_came_between(
    body: dict[str, Any], other: dict[str, Any], portfolio: Portfolio
) -> None:
    [read_again] = parse_portfolios(
        {"portfolios": [portfolio.model_dump(mode="json", by_alias=True, exclude_none=True)]}
    )
    once = derive(body, portfolio, NOW)
    derive(other, portfolio, NOW)
    assert derive(copy.deepcopy(body), portfolio, NOW) == derive(copy.deepcopy(body), read_again, NOW) == once


def put(body: dict[str, Any], pointer: str, value: Any) -> None:
    *steps, last = pointer.split("/")[1:]
    inside: Any = body
    for step in steps:
        inside = inside[int(step)] if isinstance(inside, list) else inside.setdefault(step, {})
    inside[last] = value


_DERIVED = """
from datetime import datetime, UTC
from hardware_orders.orders.defaults import derive
from hardware_orders.portfolio.document import read_document
from hardware_orders.portfolio.portfolio import parse_portfolios
from hardware_orders.samples import portfolios_path
for portfolio in parse_portfolios(read_document(portfolios_path())):
    order = {"orderReference": "1", "customerEntityUid": portfolio.customer_entity_uid}
    print(derive(order, portfolio, datetime(2026, 12, 22, 9, 0, tzinfo=UTC)))
"""


def test_processes_with_other_hash_seeds_and_languages_derive_the_same() -> None:
    answers = {
        subprocess.run(
            [sys.executable, "-c", _DERIVED],
            env=os.environ | {"PYTHONHASHSEED": seed, "LANG": language, "LANGUAGE": language},
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        ).stdout
        for seed, language in (("1", "de"), ("2", "fr"))
    }
    assert len(answers) == 1
    assert answers != {""}


# Two telephone numbers that only a default would make equal

TWO_PHONES: dict[str, Any] = {
    "merchant": {"primaryContact": {"phoneNumbers": [{"value": "12345"}, {"value": "12345", "phoneType": "HOME"}]}}
}


def test_a_default_that_would_make_two_items_equal_is_left_out() -> None:
    other = {"value": "67890"}
    body: dict[str, Any] = copy.deepcopy(LEAST | TWO_PHONES)
    body["merchant"]["primaryContact"]["phoneNumbers"].append(other)
    derived = derive(body, a_portfolio(), NOW)
    assert derived.body["merchant"]["primaryContact"]["phoneNumbers"] == [
        {"value": "12345"},
        {"value": "12345", "phoneType": "HOME"},
        {"value": "67890", "phoneType": "HOME", "isPrimary": False},
    ]
    assert [row.pointer for row in derived.derived] == [
        "/merchant/primaryContact/contactType",
        "/merchant/primaryContact/phoneNumbers/2/isPrimary",
        "/merchant/primaryContact/phoneNumbers/2/phoneType",
    ]
    assert check_order(derived.body, complete=False) == []
