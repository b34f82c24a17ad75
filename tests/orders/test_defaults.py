"""Deriving: the exact value and row of each origin, and what holds for every portfolio and every order."""

import copy
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardware_orders.contract.body import check_order
from hardware_orders.orders.defaults import DerivedField, derive, drift
from hardware_orders.portfolio.portfolio import Portfolio, parse_portfolios

UID = "11111111-1111-4111-8111-111111111111"
CUSTOMER = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
LEAST = {"orderReference": "ORD-1", "customerEntityUid": CUSTOMER}
PARIS = {"addressLine1": "1 rue A", "city": "Paris", "postCode": "75002", "country": "FRA"}
GHENT = {"addressLine1": "Korenmarkt 5", "city": "Gent", "postCode": "9000", "country": "BEL"}


def a_portfolio(**members: Any) -> Portfolio:
    least = {"portfolioUid": UID, "version": 4, "name": "P", "customerEntityUid": CUSTOMER, "isDefault": True}
    return parse_portfolios({"portfolios": [least | members]})[0]


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


def test_drift_names_every_pointer_whose_value_is_another() -> None:
    before = derive(LEAST, a_portfolio(defaults={"notes": "a", "poRef": "b"}), NOW).derived
    after = derive(
        LEAST, a_portfolio(version=5, defaults={"notes": "a", "poRef": "c", "merchant": {"mcc": "5812"}}), NOW
    )
    assert drift(before, after.derived) == ("/merchant/mcc", "/poRef")
    assert drift(after.derived, before) == ("/merchant/mcc", "/poRef")
    assert drift(before, before) == ()


# What holds for every portfolio and every order.

texts = st.sampled_from(["a", "b"])
countries = st.sampled_from(["FRA", "BEL"])


def objects(**members: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=members)


contacts = objects(
    email=st.just("a@example.com"),
    contactType=st.sampled_from(["OWNER", "BUSINESS"]),
    phoneNumbers=st.lists(objects(value=st.just("12345"), phoneType=st.just("FAX")), min_size=1, max_size=1),
)
addresses = objects(city=texts, country=countries, contact=contacts)
PLACES = ["companyAddress", "shippingAddress", "billingAddress"]
partial_orders = objects(
    notes=texts,
    poRef=texts,
    requestedDate=st.just("2027-01-01T00:00:00Z"),
    paymentDetails=objects(paymentType=st.just("NET")),
    additionalOrderData=st.lists(objects(variableName=texts, variableValue=texts), max_size=2),
    packageDetails=objects(servicePackages=st.lists(objects(processorParameters=objects()), max_size=2)),
    merchant=objects(primaryContact=contacts, **dict.fromkeys(PLACES, addresses)),
)
CONDITIONS = {
    "notes": texts,
    "paymentDetails.paymentType": st.sampled_from(["NET", "CREDIT"]),
    "merchant.primaryContact.contactType": st.just("BUSINESS"),
    **{f"merchant.{place}.country": countries for place in PLACES},
}
conditions = objects(**CONDITIONS).filter(bool)
ALIKE = [
    [f"merchant.{place}" for place in PLACES],
    ["merchant.primaryContact", *(f"merchant.{place}.contact" for place in PLACES)],
    ["merchant.primaryContact.contactType", *(f"merchant.{place}.contact.contactType" for place in PLACES)],
    ["notes", "poRef"],
]
pairs = st.sampled_from(ALIKE).flatmap(st.permutations).map(lambda fields: fields[:2])
copies = st.lists(pairs, max_size=5).map(
    lambda chosen: {t: s for t, s in chosen if (t, s) != ("poRef", "notes")}  # longer than a poRef may be
)
portfolios = st.fixed_dictionaries(
    {},
    optional={
        "defaults": partial_orders,
        "requestedDate": st.just({"leadTimeDays": 2, "timeZone": "Europe/Paris"}),
        "overrides": st.lists(st.fixed_dictionaries({"when": conditions, "defaults": partial_orders}), max_size=3),
        "copies": copies,
        "required": st.just({"fields": ["poRef"], "additionalOrderData": {"FRA": ["a"], "BEL": ["b"]}}),
    },
).map(lambda members: a_portfolio(**members))
orders = partial_orders.map(lambda members: LEAST | members)


def holds_all_of(whole: Any, part: Any) -> bool:
    if isinstance(part, Mapping):
        return isinstance(whole, dict) and all(n in whole and holds_all_of(whole[n], v) for n, v in part.items())
    if isinstance(part, list):
        return isinstance(whole, list) and len(whole) == len(part) and all(map(holds_all_of, whole, part))
    return type(whole) is type(part) and bool(whole == part)


@settings(deadline=None)
@given(orders, portfolios)
def test_what_the_caller_sent_is_unchanged_and_nobodys_data_is_touched(
    body: dict[str, Any], portfolio: Portfolio
) -> None:
    sent, rules = copy.deepcopy(body), portfolio.model_dump_json()
    derivation = derive(body, portfolio, NOW)
    assert body == sent
    assert portfolio.model_dump_json() == rules
    assert holds_all_of(derivation.body, sent)


@settings(deadline=None)
@given(orders, portfolios)
def test_a_valid_order_stays_valid(body: dict[str, Any], portfolio: Portfolio) -> None:
    assert check_order(body, complete=False) == []
    assert check_order(derive(body, portfolio, NOW).body, complete=False) == []


@settings(deadline=None)
@given(orders, portfolios)
def test_deriving_what_was_derived_changes_nothing(body: dict[str, Any], portfolio: Portfolio) -> None:
    once = derive(body, portfolio, NOW)
    again = derive(once.body, portfolio, NOW)
    assert again.body == once.body
    assert again.derived == ()
    assert again.missing == once.missing


@settings(deadline=None)
@given(orders, portfolios)
def test_the_rows_are_exactly_what_was_added(body: dict[str, Any], portfolio: Portfolio) -> None:
    derivation = derive(body, portfolio, NOW)
    rebuilt = copy.deepcopy(body)
    for row in derivation.derived:
        put(rebuilt, row.pointer, row.value)
    assert rebuilt == derivation.body
    pointers = [row.pointer for row in derivation.derived]
    assert pointers == sorted(set(pointers))
    assert list(derivation.missing) == sorted(set(derivation.missing))


def put(body: dict[str, Any], pointer: str, value: Any) -> None:
    *steps, last = pointer.split("/")[1:]
    inside: Any = body
    for step in steps:
        inside = inside[int(step)] if isinstance(inside, list) else inside.setdefault(step, {})
    inside[last] = value


settled_conditions = st.fixed_dictionaries({"merchant.companyAddress.country": countries})
plain_portfolios = st.fixed_dictionaries(
    {
        "defaults": partial_orders,
        "overrides": st.lists(
            st.fixed_dictionaries({"when": settled_conditions, "defaults": objects(notes=texts, poRef=texts)}),
            max_size=3,
        ),
        "copies": st.just({"merchant.shippingAddress": "merchant.companyAddress"}),
    }
).map(lambda members: a_portfolio(**members))


@settings(deadline=None)
@given(orders, plain_portfolios, st.data())
def test_sending_any_derived_values_back_changes_nothing(
    body: dict[str, Any], portfolio: Portfolio, data: st.DataObject
) -> None:
    once = derive(body, portfolio, NOW)
    sent = copy.deepcopy(body)
    for row in once.derived:
        if data.draw(st.booleans()):
            put(sent, row.pointer, row.value)
    assert derive(sent, portfolio, NOW).body == once.body
