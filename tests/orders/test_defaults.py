"""Deriving: the exact value and row of each origin."""

from datetime import UTC, datetime
from typing import Any

import pytest

from hardware_orders.orders.defaults import derive, drift
from hardware_orders.portfolio.layer import DerivedField
from hardware_orders.portfolio.portfolio import Portfolio
from tests.portfolio.strategies import LEAST, UID, a_portfolio

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
PARIS = {"addressLine1": "1 rue A", "city": "Paris", "postCode": "75002", "country": "FRA"}
GHENT = {"addressLine1": "Korenmarkt 5", "city": "Gent", "postCode": "9000", "country": "BEL"}


def rows_of(portfolio: Portfolio, **sent: Any) -> dict[str, tuple[Any, str, str]]:
    return {row.pointer: (row.value, row.origin, row.rule) for row in derive(LEAST | sent, portfolio, NOW).derived}


def test_a_default_is_taken_where_the_caller_sent_nothing() -> None:
    portfolio = a_portfolio(defaults={"notes": "Ring.", "poRef": "P-1"})
    derivation = derive(LEAST | {"poRef": "mine"}, portfolio, NOW)
    assert derivation.body == LEAST | {"poRef": "mine", "notes": "Ring."}
    assert derivation.derived == (DerivedField("/notes", "Ring.", "default", UID, 4, "default"),)
    assert derivation.missing == ()


def test_a_row_as_json() -> None:
    assert DerivedField("/notes", "Ring.", "default", UID, 4, "default").as_json() == {
        "pointer": "/notes",
        "value": "Ring.",
        "origin": "default",
        "portfolioUid": UID,
        "version": 4,
        "rule": "default",
    }


def test_objects_merge_member_by_member_and_arrays_are_taken_whole() -> None:
    first, second = {"variableName": "A", "variableValue": "1"}, {"variableName": "B", "variableValue": "2"}
    portfolio = a_portfolio(defaults={"merchant": {"companyAddress": PARIS}, "additionalOrderData": [first, second]})
    sent = {"merchant": {"companyAddress": {"city": "Lyon"}}}
    assert rows_of(portfolio, **sent) == {
        "/additionalOrderData": ([first, second], "default", "default"),
        "/merchant/companyAddress/addressLine1": ("1 rue A", "default", "default"),
        "/merchant/companyAddress/country": ("FRA", "default", "default"),
        "/merchant/companyAddress/postCode": ("75002", "default", "default"),
    }
    assert derive(LEAST | {"additionalOrderData": [second]}, portfolio, NOW).body["additionalOrderData"] == [second]
    assert derive(LEAST | {"additionalOrderData": []}, portfolio, NOW).body["additionalOrderData"] == []


def test_an_override_goes_before_the_default_and_the_first_that_matches_before_the_next() -> None:
    when = {"merchant.companyAddress.country": "BEL"}
    portfolio = a_portfolio(
        defaults={"notes": "default", "poRef": "default"},
        overrides=[
            {"when": {"merchant.companyAddress.country": "FRA"}, "defaults": {"notes": "French"}},
            {"when": when, "defaults": {"notes": "Belgian"}},
            {"when": when, "defaults": {"notes": "late", "poRef": "late"}},
        ],
    )
    assert rows_of(portfolio, merchant={"companyAddress": GHENT}) == {
        "/notes": ("Belgian", "override", "override 2: merchant.companyAddress.country = BEL"),
        "/poRef": ("late", "override", "override 3: merchant.companyAddress.country = BEL"),
    }


def test_every_field_of_a_condition_must_match() -> None:
    when = {"merchant.companyAddress.governmentOwned": True, "paymentDetails.paymentType": "NET"}
    portfolio = a_portfolio(overrides=[{"when": when, "defaults": {"notes": "both"}}])
    rule = "override 1: merchant.companyAddress.governmentOwned = true, paymentDetails.paymentType = NET"
    address = {"companyAddress": PARIS | {"governmentOwned": True}}
    assert rows_of(portfolio, merchant=address, paymentDetails={"paymentType": "NET"}) == {
        "/notes": ("both", "override", rule)
    }
    assert rows_of(portfolio, merchant=address, paymentDetails={"paymentType": "ACCOUNT"}) == {}


@pytest.mark.parametrize(
    "members",
    [
        {"defaults": {"merchant": {"companyAddress": PARIS}}},
        {
            "defaults": {"merchant": {"tradingAddress": PARIS}},
            "copies": {"merchant.companyAddress": "merchant.tradingAddress"},
        },
    ],
)
def test_a_condition_sees_what_was_derived(members: dict[str, Any]) -> None:
    when = {"merchant.companyAddress.country": "FRA"}
    portfolio = a_portfolio(overrides=[{"when": when, "defaults": {"notes": "French"}}], **members)
    assert rows_of(portfolio)["/notes"] == ("French", "override", "override 1: merchant.companyAddress.country = FRA")


def test_the_date_is_computed_only_where_nothing_gave_one() -> None:
    rule = {"leadTimeDays": 5, "businessDays": True, "cutOff": "15:00", "timeZone": "Europe/Paris"}
    assert rows_of(a_portfolio(requestedDate=rule)) == {
        "/requestedDate": (
            "2026-11-30T00:00:00+01:00",
            "computed",
            "5 business days after 2026-11-23, cut-off 15:00 Europe/Paris",
        )
    }
    fixed = a_portfolio(requestedDate=rule, defaults={"requestedDate": "2027-01-01T00:00:00Z"})
    assert rows_of(fixed) == {"/requestedDate": ("2027-01-01T00:00:00Z", "default", "default")}
    assert rows_of(fixed, requestedDate="2027-02-02T00:00:00Z") == {}


def test_a_copy_fills_what_is_missing_after_the_defaults() -> None:
    portfolio = a_portfolio(
        defaults={"merchant": {"shippingAddress": {"receiverName": "Goods in"}}},
        copies={"merchant.shippingAddress": "merchant.companyAddress"},
    )
    given = "copy", "copy of merchant.companyAddress"
    assert rows_of(portfolio, merchant={"companyAddress": GHENT, "shippingAddress": {"city": "Brugge"}}) == {
        "/merchant/shippingAddress/addressLine1": ("Korenmarkt 5", *given),
        "/merchant/shippingAddress/country": ("BEL", *given),
        "/merchant/shippingAddress/postCode": ("9000", *given),
        "/merchant/shippingAddress/receiverName": ("Goods in", "default", "default"),
    }
    assert rows_of(portfolio) == {"/merchant/shippingAddress/receiverName": ("Goods in", "default", "default")}


def test_one_portfolio_copies_its_own_default_and_what_is_sent_in_its_place() -> None:
    portfolio = a_portfolio(
        defaults={"merchant": {"companyAddress": PARIS}}, copies={"merchant.shippingAddress": "merchant.companyAddress"}
    )
    for sent, city in ({}, "Paris"), ({"merchant": {"companyAddress": {"city": "Lyon"}}}, "Lyon"), ({}, "Paris"):
        rows = rows_of(portfolio, **sent)
        assert rows["/merchant/shippingAddress/city"] == (city, "copy", "copy of merchant.companyAddress")
        assert rows["/merchant/shippingAddress/country"] == ("FRA", "copy", "copy of merchant.companyAddress")


def test_what_one_order_takes_does_not_come_to_the_next() -> None:
    portfolio = a_portfolio(defaults={"notes": "Ring.", "merchant": {"companyAddress": PARIS}})
    taken = rows_of(portfolio)
    assert rows_of(portfolio, notes="mine") == {pointer: row for pointer, row in taken.items() if pointer != "/notes"}
    assert rows_of(portfolio) == taken


def test_copies_of_copies_are_made_in_whatever_order_they_are_written() -> None:
    portfolio = a_portfolio(
        copies={
            "merchant.billingAddress": "merchant.shippingAddress",
            "merchant.shippingAddress": "merchant.companyAddress",
        }
    )
    merchant = derive(LEAST | {"merchant": {"companyAddress": GHENT}}, portfolio, NOW).body["merchant"]
    assert merchant == dict.fromkeys(("billingAddress", "shippingAddress", "companyAddress"), GHENT)


def test_schema_defaults_go_only_into_objects_that_exist() -> None:
    sent = {
        "paymentDetails": {},
        "packageDetails": {"servicePackages": [{"packageBundleId": "A"}, {"processorParameters": {}}]},
        "merchant": {"companyAddress": {"contact": {"phoneNumbers": [{"value": "12345", "phoneType": "FAX"}]}}},
    }
    given = "schema", "schema default"
    assert rows_of(a_portfolio(), **sent) == {
        "/merchant/companyAddress/contact/contactType": ("BUSINESS", *given),
        "/merchant/companyAddress/contact/phoneNumbers/0/isPrimary": (False, *given),
        "/packageDetails/servicePackages/1/processorParameters/processor": ("TSYS_US", *given),
        "/paymentDetails/paymentType": ("CREDIT", *given),
    }
    assert rows_of(a_portfolio()) == {}


def test_a_schema_default_may_be_copied_in_turn() -> None:
    portfolio = a_portfolio(
        copies={"merchant.companyAddress.contact.contactType": "merchant.primaryContact.contactType"}
    )
    assert rows_of(portfolio, merchant={"primaryContact": {}}) == {
        "/merchant/companyAddress/contact/contactType": (
            "BUSINESS",
            "copy",
            "copy of merchant.primaryContact.contactType",
        ),
        "/merchant/primaryContact/contactType": ("BUSINESS", "schema", "schema default"),
    }


def test_a_derived_array_is_one_row_with_the_schema_defaults_inside_it() -> None:
    portfolio = a_portfolio(defaults={"packageDetails": {"servicePackages": [{"processorParameters": {}}]}})
    filled = [{"processorParameters": {"processor": "TSYS_US"}}]
    assert rows_of(portfolio) == {"/packageDetails/servicePackages": (filled, "default", "default")}
    assert derive(LEAST, portfolio, NOW).body["packageDetails"] == {"servicePackages": filled}
    assert portfolio.defaults == {"packageDetails": {"servicePackages": [{"processorParameters": {}}]}}


def test_an_empty_object_is_a_row_until_something_is_in_it() -> None:
    assert rows_of(a_portfolio(defaults={"merchant": {}})) == {"/merchant": ({}, "default", "default")}
    assert rows_of(a_portfolio(defaults={"paymentDetails": {}})) == {
        "/paymentDetails/paymentType": ("CREDIT", "schema", "schema default")
    }


def test_what_is_required_and_was_given_by_nothing_is_missing() -> None:
    portfolio = a_portfolio(
        required={
            "fields": ["poRef", "merchant.shippingAddress", "orderReference"],
            "additionalOrderData": {"FRA": ["VAT_ID", "LEGAL_FORM", "SIREN"], "BEL": ["ENTERPRISE_NUMBER"]},
        }
    )
    assert derive(LEAST, portfolio, NOW).missing == ("/merchant/shippingAddress", "/poRef")
    data = [{"variableName": "VAT_ID", "variableValue": "FR1"}, {"variableName": "SIREN", "variableValue": " "}]
    sent = {"merchant": {"shippingAddress": PARIS}, "poRef": "1", "additionalOrderData": data}
    assert derive(LEAST | sent, portfolio, NOW).missing == (
        "/additionalOrderData/LEGAL_FORM",
        "/additionalOrderData/SIREN",
        "/merchant/primaryContact",
    )


def test_the_company_decides_on_the_country_before_the_place_of_delivery() -> None:
    portfolio = a_portfolio(required={"additionalOrderData": {"FRA": ["VAT_ID"], "BEL": ["ENTERPRISE_NUMBER"]}})
    sent = LEAST | {"merchant": {"shippingAddress": PARIS, "companyAddress": GHENT}}
    assert "/additionalOrderData/ENTERPRISE_NUMBER" in derive(sent, portfolio, NOW).missing
    assert "/additionalOrderData/VAT_ID" not in derive(sent, portfolio, NOW).missing


def test_drift_names_every_value_that_is_another() -> None:
    before = derive(LEAST, a_portfolio(defaults={"notes": "a", "poRef": "b"}), NOW).derived
    after = derive(
        LEAST, a_portfolio(version=5, defaults={"notes": "a", "poRef": "c", "merchant": {"mcc": "5812"}}), NOW
    )
    mcc = {"pointer": "/merchant/mcc"}
    assert drift(before, after.derived) == (mcc | {"new": "5812"}, {"pointer": "/poRef", "old": "b", "new": "c"})
    assert drift(after.derived, before) == (mcc | {"old": "5812"}, {"pointer": "/poRef", "old": "c", "new": "b"})
    assert drift(before, before) == ()
