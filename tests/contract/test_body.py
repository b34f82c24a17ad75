"""The checks as their callers see them: orders, defaults of a portfolio, cancellations, and what is missing."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware_orders.contract.body import (
    MOST_ERRORS,
    FieldError,
    check_cancellation,
    check_order,
    check_partial_order,
    check_progress,
    order_schema,
)
from hardware_orders.contract.missing import missing_members

UID = "0d8b5f3e-7f3f-4c0a-9a43-6f0f6a5f1c22"
SMALLEST = {"orderReference": "ORD-1234", "customerEntityUid": UID}


def _found(errors: list[FieldError]) -> list[tuple[str, str]]:
    return [(error.param, error.code) for error in errors]


def test_two_fields_make_an_order() -> None:
    assert check_order(SMALLEST) == []
    assert _found(check_order({})) == [("orderReference", "required"), ("customerEntityUid", "required")]


@pytest.mark.parametrize("body", [None, [], "x", 1, 1.5, True, [SMALLEST]])
def test_a_body_that_is_no_object_gives_one_error(body: object) -> None:
    expected = [FieldError("", "wrong_type", "The body must be a JSON object.")]
    assert check_order(body) == expected
    assert check_partial_order(body) == expected
    assert check_cancellation(body) == expected
    assert check_progress(body) == expected


def test_messages_name_the_remedy() -> None:
    body = {
        **SMALLEST,
        "poRef": "p" * 256,
        "paymentDetails": {"paymentType": "cash"},
        "merchant": {},
        "status": "DRAFT",
    }
    assert [error.message for error in check_order(body)] == [
        "poRef must have at most 255 characters.",
        "paymentDetails.paymentType must be one of ACCOUNT, CREDIT, NET, EINVOICE.",
        "merchant.primaryContact is required.",
        "status is not a field of this object; correct its spelling or remove it.",
    ]


def test_a_long_list_of_allowed_values_is_cut() -> None:
    service = {"packageBundleId": "A", "processorParameters": {"processor": "x"}}
    details = {"basePackageBundle": {"packageBundleId": "B"}, "servicePackages": [service]}
    [error] = check_order({**SMALLEST, "packageDetails": details})
    assert error.message.endswith(
        "must be one of ABS_ISO, ABS_PDM, ABS_WEB, AMEX, BANKAXEPT, BANQUE_CHABRIERES, BARCLAYS, BFCOI, BNPP_ATC,"
        " BNP_PARIBAS, …."
    )


def test_a_value_is_never_repeated(order: dict[str, Any]) -> None:
    canary = "canary-7f3f"
    for name in order:
        errors = check_order({**order, name: canary + "\0" * 2})
        assert errors
        assert canary not in repr(errors)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("stat\nus\x1b[31m\u202e", "stat?us?[31m?"),
        ("n" * 65, "n" * 64),
        ("", '""'),
        ("order_reference", "order_reference"),
    ],
)
def test_an_unknown_field_is_named_cleaned_and_short(name: str, shown: str) -> None:
    assert _found(check_order({**SMALLEST, name: None})) == [(shown, "unknown_field")]
    assert _found(check_order({**SMALLEST, name: None}, complete=False)) == [(shown, "unknown_field")]


def test_unknown_fields_are_refused_in_nested_objects(order: dict[str, Any]) -> None:
    order["merchant"]["pois"][0]["devicePackage"]["colour"] = "red"
    assert _found(check_order(order)) == [("merchant.pois[0].devicePackage.colour", "unknown_field")]


def test_a_field_name_that_is_no_unicode_is_refused() -> None:
    assert _found(check_order({**SMALLEST, "\ud800": 1})) == [("", "bad_characters")]


def test_a_field_name_that_is_no_text_is_refused() -> None:
    assert _found(check_partial_order({1: "x"})) == [("1", "unknown_field")]
    assert _found(check_partial_order({"merchant": {None: "x"}})) == [("merchant.None", "unknown_field")]


def test_at_most_twenty_errors_are_given() -> None:
    assert len(check_order({**SMALLEST, **{f"x{n}": n for n in range(19)}})) == 19
    assert len(check_order({**SMALLEST, **{f"x{n}": n for n in range(21)}})) == MOST_ERRORS == 20
    partial = {**SMALLEST, **{f"x{n}": n for n in range(21)}}
    assert len(check_partial_order(partial)) == MOST_ERRORS


def test_a_flood_of_faults_is_one_error() -> None:
    flood = {**SMALLEST, **{f"x{n}": n for n in range(10_001)}}
    assert _found(check_order(flood)) == [("", "too_many_errors")]


@pytest.mark.parametrize("param", ["contactType", "phoneType", "paymentType", "processor"])
def test_fields_with_a_default_may_be_absent_and_are_not_filled_in(order: dict[str, Any], param: str) -> None:
    _remove_everywhere(order, param, at_least=1)
    before = copy.deepcopy(order)
    # The 3-D Secure identifiers have a paymentType of their own, and there it is required.
    order["packageDetails"]["servicePackages"][0]["threeDSMerchantIdentifiers"]["paymentType"] = "VISA"
    before["packageDetails"]["servicePackages"][0]["threeDSMerchantIdentifiers"]["paymentType"] = "VISA"
    assert check_order(order) == []
    assert order == before


def _remove_everywhere(node: Any, name: str, *, at_least: int = 0) -> int:
    removed = 0
    if isinstance(node, dict):
        removed += node.pop(name, None) is not None
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else []:
        removed += _remove_everywhere(child, name)
    assert removed >= at_least
    return removed


NESTED_GAPS: dict[str, Any] = {
    **SMALLEST,
    "packageDetails": {},
    "merchant": {
        "primaryContact": {"name": {"firstName": "Ada"}},
        "shippingAddress": {"city": "Paris"},
        "openingHours": [{"day": "MONDAY", "times": {}}],
        "pois": [{}, {"devicePackage": {}}],
    },
}
NESTED_POINTERS = [
    "/merchant/openingHours/0/times/end",
    "/merchant/openingHours/0/times/start",
    "/merchant/pois/1/devicePackage/packageBundleId",
    "/merchant/primaryContact/name/lastName",
    "/merchant/shippingAddress/addressLine1",
    "/merchant/shippingAddress/country",
    "/merchant/shippingAddress/postCode",
    "/packageDetails/basePackageBundle",
]


def test_an_incomplete_order_may_lack_nested_members_only() -> None:
    assert {error.code for error in check_order(NESTED_GAPS)} == {"required"}
    assert len(check_order(NESTED_GAPS)) == len(NESTED_POINTERS)
    assert check_order(NESTED_GAPS, complete=False) == []
    without_reference = {"customerEntityUid": UID, "merchant": {}}
    assert _found(check_order(without_reference, complete=False)) == [("orderReference", "required")]


def test_an_incomplete_order_is_otherwise_checked() -> None:
    body = {**SMALLEST, "merchant": {"mcc": "12a4"}}
    assert _found(check_order(body, complete=False)) == [("merchant.mcc", "bad_mcc")]


def test_missing_members_are_sorted_pointers(order: dict[str, Any]) -> None:
    assert missing_members(NESTED_GAPS) == NESTED_POINTERS
    assert missing_members(order) == []
    assert missing_members({}) == []


def test_defaults_hold_anything_but_what_is_each_orders_own(order: dict[str, Any]) -> None:
    assert _found(check_partial_order(order)) == [
        ("orderReference", "not_a_default"),
        ("customerEntityUid", "not_a_default"),
    ]
    del order["orderReference"], order["customerEntityUid"]
    assert check_partial_order(order) == []
    assert check_partial_order({}) == []
    assert check_partial_order({"merchant": NESTED_GAPS["merchant"]}) == []


def test_what_is_each_orders_own_is_refused_once_even_when_wrong() -> None:
    assert _found(check_partial_order({"orderReference": 1, "poRef": 1})) == [
        ("orderReference", "not_a_default"),
        ("poRef", "wrong_type"),
    ]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"cancelReasonEnum": "OTHER"}, []),
        ({"cancelReasonEnum": "ORDER_LATE", "cancelAdditionalReason": "r" * 1000}, []),
        ({}, [("cancelReasonEnum", "required")]),
        ({"cancelReasonEnum": "other"}, [("cancelReasonEnum", "not_allowed")]),
        ({"cancelReasonEnum": "OTHER", "cancelAdditionalReason": "r" * 1001}, [("cancelAdditionalReason", "too_long")]),
        ({"cancelReasonEnum": "OTHER", "reason": ""}, [("reason", "unknown_field")]),
    ],
)
def test_a_cancellation_needs_a_reason(body: object, found: list[tuple[str, str]]) -> None:
    assert _found(check_cancellation(body)) == found


@pytest.mark.parametrize(
    ("members", "found"),
    [
        ({}, []),
        ({"detailedStatus": "FULFILMENT_SHIPPED", "code": "c" * 64, "information": "é\n" * 500}, []),
        ({"trackingReference": "t" * 255, "orderNumber": 2**53 - 1}, []),
        ({"status": "SHIPPED"}, [("status", "not_allowed")]),
        ({"status": None}, [("status", "null")]),
        ({"detailedStatus": ""}, [("detailedStatus", "not_allowed")]),
        ({"detailedStatus": "shipped"}, [("detailedStatus", "not_allowed")]),
        ({"code": ""}, [("code", "empty")]),
        ({"code": "c" * 65}, [("code", "too_long")]),
        ({"code": " \t"}, [("code", "blank")]),
        ({"information": "i" * 1001}, [("information", "too_long")]),
        ({"information": "\0"}, [("information", "blank")]),
        ({"trackingReference": "t" * 256}, [("trackingReference", "too_long")]),
        ({"trackingReference": 1}, [("trackingReference", "wrong_type")]),
        ({"orderNumber": 0}, [("orderNumber", "too_small")]),
        ({"orderNumber": 2**53}, [("orderNumber", "too_large")]),
        ({"orderNumber": 10**30}, [("orderNumber", "too_large")]),
        ({"orderNumber": "4711"}, [("orderNumber", "wrong_type")]),
        ({"orderNumber": 1.0}, [("orderNumber", "wrong_type")]),
        ({"orderNumber": True}, [("orderNumber", "wrong_type")]),
        ({"note": "n"}, [("note", "unknown_field")]),
    ],
)
def test_a_report_of_progress_needs_a_status(members: dict[str, Any], found: list[tuple[str, str]]) -> None:
    assert _found(check_progress({"status": "INPROGRESS", **members})) == found
    without_status = {name: value for name, value in members.items() if name != "status"}
    assert ("status", "required") in _found(check_progress(without_status))


def _field_names() -> list[str]:
    schema = order_schema()
    objects = [schema, *schema["$defs"].values()]
    return sorted({name for part in objects for name in part.get("properties", {})})


ANY_TEXT = st.text(st.characters(), max_size=12)  # with lone surrogates and NUL
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT | st.sampled_from(["FRA", "OTHER", "MONDAY"])
)
NAMES = ANY_TEXT | st.sampled_from(_field_names())
ANY_JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=6) | st.dictionaries(NAMES, inner, max_size=8), max_leaves=40
)


@given(ANY_JSON)
def test_any_json_is_answered_with_a_few_readable_errors(body: Any) -> None:
    before = repr(body)
    for errors in (
        check_order(body),
        check_order(body, complete=False),
        check_partial_order(body),
        check_cancellation(body),
        check_progress(body),
    ):
        assert len(errors) <= MOST_ERRORS
        assert all(error.code.isidentifier() and error.code != "invalid" for error in errors)
        assert all(error.message.endswith(".") and error.message.isprintable() for error in errors)
    assert len(check_order(body, complete=False)) <= len(check_order(body))
    assert repr(body) == before


@given(st.data())
def test_any_json_in_place_of_a_field_is_answered(data: st.DataObject) -> None:
    body = {**SMALLEST, data.draw(st.sampled_from(list(order_schema()["properties"]))): data.draw(ANY_JSON)}
    assert len(check_order(body)) <= MOST_ERRORS
    assert missing_members(body) == sorted(missing_members(body))


def test_equal_items_are_found_whatever_else_they_lack() -> None:
    contact = {"name": {"firstName": "Ada", "lastName": "Lovelace"}, "phoneNumbers": [{"callingCode": "33"}] * 2}
    body = {**SMALLEST, "merchant": {"primaryContact": contact}}
    expected = [("merchant.primaryContact.phoneNumbers", "not_unique")]
    assert _found(check_order(body)) == _found(check_order(body, complete=False)) == expected


def test_the_schema_of_an_incomplete_order_requires_the_two_fields_alone() -> None:
    schema = order_schema(complete=False)
    assert schema["required"] == ["orderReference", "customerEntityUid"]
    assert not [name for name, definition in schema["$defs"].items() if "required" in definition]
    assert {**schema, "$defs": {}} == {**order_schema(), "$defs": {}}
