"""The samples: every one does what its title says."""

from datetime import UTC, datetime
from typing import Any

import pytest

from hardware_orders.contract.body import check_cancellation, check_order
from hardware_orders.orders.defaults import derive
from hardware_orders.portfolio.document import read_document
from hardware_orders.portfolio.lookup import Found, UnknownCustomer
from hardware_orders.portfolio.portfolio import Portfolio, choose, parse_portfolios
from hardware_orders.portfolio.source import lookup_from
from hardware_orders.samples import orders, portfolios_path

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def first_step(start_of_title: str) -> dict[str, Any]:
    [sample] = [sample for sample in orders() if sample["title"].startswith(start_of_title)]
    step: dict[str, Any] = sample["steps"][0]
    return step


def portfolio_of(body: dict[str, Any]) -> Portfolio:
    uid = body["customerEntityUid"]
    outcome = lookup_from(f"file:{portfolios_path()}")([uid])[uid]
    assert isinstance(outcome, Found)
    portfolio = choose(outcome.portfolios, body.get("packageDetails", {}).get("portfolioUid"))
    assert portfolio is not None
    return portfolio


def test_four_customers_and_one_of_them_with_two_portfolios() -> None:
    portfolios = parse_portfolios(read_document(portfolios_path()))
    assert len(portfolios) == 5
    assert len({portfolio.customer_entity_uid for portfolio in portfolios}) == 4


def test_every_step_is_one_that_the_demo_knows() -> None:
    for sample in orders():
        assert set(sample) == {"title", "steps"}
        for step in sample["steps"]:
            assert set(step) <= {"do", "saveDraft", "simplified", "body"}
            assert step["do"] in {"create", "replace", "submit", "cancel"}
            assert step["do"] != "cancel" or check_cancellation(step["body"]) == []


@pytest.mark.parametrize(
    "title",
    [
        "The simplified flow with two fields",
        "The simplified flow in Belgium",
        "The simplified flow in Germany",
        "The simplified flow for a shop in Alaska",
        "A draft under the simplified flow",
        "An order that is cancelled",
    ],
)
def test_the_simplified_ones_are_complete_and_valid_when_derived(title: str) -> None:
    body = first_step(title)["body"]
    assert check_order(body, complete=False) == []
    derivation = derive(body, portfolio_of(body), NOW)
    assert derivation.missing == ()
    assert check_order(derivation.body) == []


def test_the_override_for_belgium_applies() -> None:
    body = first_step("The simplified flow in Belgium")["body"]
    rows = {row.pointer: row for row in derive(body, portfolio_of(body), NOW).derived}
    row = rows["/packageDetails/deliveryPackage/packageBundleId"]
    assert (row.value, row.origin) == ("DELIVERY_STANDARD_BE", "override")


def test_the_parked_one_lacks_what_its_portfolio_requires() -> None:
    body = first_step("The simplified flow without")["body"]
    assert derive(body, portfolio_of(body), NOW).missing == (
        "/merchant/shippingAddress",
        "/merchant/siteReferenceId",
        "/poRef",
    )


def test_the_complete_one_and_the_draft_are_valid_as_they_are() -> None:
    assert check_order(first_step("A complete order")["body"]) == []
    assert check_order(first_step("A draft that waits")["body"]) == []


def test_the_unknown_customer_is_unknown() -> None:
    uid = first_step("The simplified flow for a customer")["body"]["customerEntityUid"]
    assert lookup_from(f"file:{portfolios_path()}")([uid]) == {uid: UnknownCustomer()}


def test_the_bad_one_is_refused_for_both_fields() -> None:
    errors = check_order(first_step("An order with a date")["body"])
    assert [error.param for error in errors] == ["requestedDate", "merchant.pois[0].devicePackage.quantity"]
