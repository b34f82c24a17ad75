"""Every kind of field, with values that it takes and values that it refuses, by the checks and the published schema."""

from collections.abc import Callable
from typing import Any

import jsonschema
import pytest

from hardware_orders.contract.body import check_order, order_schema

Put = Callable[[str, object], dict[str, Any]]

CONTACT = "merchant.primaryContact"
PHONE = f"{CONTACT}.phoneNumbers[0]"
ADDRESS = "merchant.shippingAddress"
SERVICE = "packageDetails.servicePackages[0]"
DEVICES = "merchant.pois[0].devicePackage"
UID = "0d8b5f3e-7f3f-4c0a-9a43-6f0f6a5f1c22"

LONG_LOCAL_PART = f"{'a' * 65}@example.com"

GOOD: list[tuple[str, object]] = [
    ("orderReference", "x"),
    ("orderReference", "é" * 255),
    ("orderReference", " "),
    ("customerEntityUid", UID),
    ("requestedDate", "2000-01-01T00:00:00Z"),
    ("requestedDate", "2199-12-31T23:59:59.999999999Z"),
    ("requestedDate", "1999-12-31T23:00:00-01:00"),
    ("requestedDate", "2028-02-29t12:00:00.5z"),
    ("requestedDate", "2026-11-23T09:00:00-00:00"),
    ("poRef", ""),
    ("notes", "a\nb\tc \u202e \U0001f600"),
    ("notes", "n" * 10_000),
    ("paymentDetails", {}),
    ("paymentDetails.paymentType", "EINVOICE"),
    ("additionalOrderData", [{}] * 100),
    ("additionalOrderData[0].variableName", ""),
    ("additionalOrderData[0].variableName", "vat_ID-1"),
    ("additionalOrderData[0].variableValue", "v" * 10_000),
    ("packageDetails.basePackageBundle.packageBundleId", "B" * 100),
    ("packageDetails.basePackageBundle.price", "-.5"),
    ("packageDetails.basePackageBundle.price", "007"),
    (f"{SERVICE}.processorParameters", {}),
    (f"{SERVICE}.processorParameters.tidList", []),
    (f"{SERVICE}.threeDSMerchantIdentifiers.merchantId", ""),
    (f"{SERVICE}.threeDSMerchantIdentifiers.paymentType", "KLARAN_QR"),
    ("merchant.mcc", "0000"),
    ("merchant.merchantName", " x "),
    ("merchant.openingHours[0].times.end", "24:00"),
    ("merchant.pois", [{}] * 1000),
    (f"{CONTACT}.email", "o'neil+x@example.co.uk"),
    (f"{CONTACT}.email", f"{'a' * 64}@example.com"),
    (f"{PHONE}.isPrimary", False),
    (f"{CONTACT}.phoneNumbers", [{"value": "12345"}, {"value": "12345", "isPrimary": False}]),
    (f"{ADDRESS}.country", "SGC"),
    (f"{DEVICES}.quantity", 1),
    (f"{DEVICES}.quantity", 100_000),
    (f"{DEVICES}.serialNumbers", ["s", "s"]),
]

BAD: list[tuple[str, object, str]] = [
    ("orderReference", "", "empty"),
    ("orderReference", "x" * 256, "too_long"),
    ("orderReference", 1234, "wrong_type"),
    ("orderReference", None, "null"),
    ("orderReference", "a\0b", "bad_characters"),
    ("orderReference", "\ud800", "bad_characters"),
    ("customerEntityUid", "", "bad_uuid"),
    ("customerEntityUid", UID.upper(), "bad_uuid"),
    ("customerEntityUid", UID.replace("-", ""), "bad_uuid"),
    ("customerEntityUid", f"{{{UID}}}", "bad_uuid"),
    ("customerEntityUid", f"{UID}\n", "bad_uuid"),
    ("requestedDate", "2026-12-01", "bad_date_time"),
    ("requestedDate", "2026-12-01T00:00:00", "bad_date_time"),
    ("requestedDate", "2026-12-01T00:00Z", "bad_date_time"),
    ("requestedDate", "2026-12-01 00:00:00Z", "bad_date_time"),
    ("requestedDate", "2026-12-01T00:00:00+0100", "bad_date_time"),
    ("requestedDate", "2026-12-01T00:00:00+24:00", "bad_date_time"),
    ("requestedDate", "2026-12-01T24:00:00Z", "bad_date_time"),
    ("requestedDate", "2026-12-01T00:00:60Z", "bad_date_time"),
    ("requestedDate", "2026-02-30T00:00:00Z", "bad_date_time"),
    ("requestedDate", "2027-02-29T00:00:00Z", "bad_date_time"),
    ("requestedDate", "0000-01-01T00:00:00Z", "bad_date_time"),
    ("requestedDate", "٢026-12-01T00:00:00Z", "bad_date_time"),
    ("requestedDate", "1700000000", "bad_date_time"),
    ("requestedDate", 1_700_000_000, "wrong_type"),
    ("requestedDate", 1e20, "wrong_type"),
    ("requestedDate", "0001-01-01T00:00:00+23:59", "date_time_out_of_range"),
    ("requestedDate", "9999-12-31T23:59:59-23:59", "date_time_out_of_range"),
    ("requestedDate", "1969-12-31T23:59:59Z", "date_time_out_of_range"),
    ("requestedDate", "2000-01-01T00:30:00+01:00", "date_time_out_of_range"),
    ("requestedDate", "2199-12-31T23:30:00-01:00", "date_time_out_of_range"),
    ("requestedDate", "2300-01-01T00:00:00Z", "date_time_out_of_range"),
    ("poRef", "p" * 256, "too_long"),
    ("poRef", None, "null"),
    ("notes", "n" * 10_001, "too_long"),
    ("notes", ["a"], "wrong_type"),
    ("paymentDetails", None, "null"),
    ("paymentDetails", [], "wrong_type"),
    ("paymentDetails.paymentType", "credit", "not_allowed"),
    ("paymentDetails.paymentType", ["CREDIT"], "not_allowed"),
    ("paymentDetails.paymentType", None, "null"),
    ("additionalOrderData", {}, "wrong_type"),
    ("additionalOrderData", [{}] * 101, "too_many"),
    ("additionalOrderData[0]", "vatId", "wrong_type"),
    ("additionalOrderData[0].variableName", "vat id", "bad_characters"),
    ("additionalOrderData[0].variableName", "v" * 1001, "too_long"),
    ("additionalOrderData[0].variableValue", "v" * 10_001, "too_long"),
    ("packageDetails.portfolioUid", "default", "bad_uuid"),
    ("packageDetails.servicePackages", [{"packageBundleId": "A"}] * 101, "too_many"),
    ("packageDetails.basePackageBundle.packageBundleId", "B" * 101, "too_long"),
    ("packageDetails.basePackageBundle.packageBundleId", "BASE STANDARD", "bad_characters"),
    ("packageDetails.basePackageBundle.price", 12.5, "wrong_type"),
    ("packageDetails.basePackageBundle.price", "12,50", "bad_amount"),
    ("packageDetails.basePackageBundle.price", "12.", "bad_amount"),
    ("packageDetails.basePackageBundle.price", "", "bad_amount"),
    ("packageDetails.basePackageBundle.price", "1" * 33, "too_long"),
    (f"{SERVICE}.adjustedPrices", [{}] * 51, "too_many"),
    (f"{SERVICE}.adjustedPrices[0].priceModel", "WEEKLY_FEE", "not_allowed"),
    (f"{SERVICE}.additionalPackageData", [{}] * 51, "too_many"),
    (f"{SERVICE}.processorParameters.processor", "TSYS", "not_allowed"),
    (f"{SERVICE}.processorParameters.tidList", ["1", "2", "1"], "not_unique"),
    (f"{SERVICE}.processorParameters.tidList", [str(n) for n in range(10_001)], "too_many"),
    (f"{SERVICE}.threeDSMerchantIdentifiers.merchantId", "   ", "blank"),
    (f"{SERVICE}.threeDSMerchantIdentifiers.merchantId", "m" * 31, "too_long"),
    (f"{SERVICE}.threeDSMerchantIdentifiers.paymentType", "ACCOUNT", "not_allowed"),
    ("packageDetails.deliveryPackage.adjustedPrices", [{}] * 51, "too_many"),
    ("packageDetails.deliveryPackage.additionalPackageData", [{}] * 51, "too_many"),
    ("merchant.merchantName", "", "empty"),
    ("merchant.merchantName", " \t\n ", "blank"),
    ("merchant.merchantName", "m" * 101, "too_long"),
    ("merchant.mcc", "581", "too_short"),
    ("merchant.mcc", "58123", "too_long"),
    ("merchant.mcc", "12a4", "bad_mcc"),
    ("merchant.mcc", "١٢٣٤", "bad_mcc"),
    ("merchant.mcc", 5812, "wrong_type"),
    ("merchant.requestedDateOfShipment", "2026-02-30T00:00:00Z", "bad_date_time"),
    ("merchant.siteReferenceId", "s" * 101, "too_long"),
    ("merchant.siteName", "", "empty"),
    ("merchant.siteName", "s" * 1001, "too_long"),
    ("merchant.openingHours", [], "empty"),
    ("merchant.openingHours[0].day", "Monday", "not_allowed"),
    ("merchant.openingHours[0].times.start", "9:00", "bad_time"),
    ("merchant.pois", [{}] * 1001, "too_many"),
    ("merchant.pois[0].additionalDevicePackages", [{"packageBundleId": "A"}] * 101, "too_many"),
    (f"{CONTACT}.contactType", "ADMIN", "not_allowed"),
    (f"{CONTACT}.email", "a@", "too_short"),
    (f"{CONTACT}.email", "ada@example", "bad_email"),
    (f"{CONTACT}.email", "ada..king@example.com", "bad_email"),
    (f"{CONTACT}.email", LONG_LOCAL_PART, "bad_email"),
    (f"{CONTACT}.email", "ada@example.c\bm", "bad_email"),
    (f"{CONTACT}.email", "ada@example.com, bob@example.com", "bad_email"),
    (f"{CONTACT}.email", f"{'a' * 243}@example.com", "too_long"),
    (f"{CONTACT}.businessTitle", "t" * 101, "too_long"),
    (f"{CONTACT}.name.firstName", "", "empty"),
    (f"{CONTACT}.name.lastName", "n" * 121, "too_long"),
    (f"{CONTACT}.name.alternateFullName", "n" * 201, "too_long"),
    (f"{CONTACT}.phoneNumbers", [], "empty"),
    (f"{CONTACT}.phoneNumbers", [{"value": "12345"}] * 2, "not_unique"),
    (f"{CONTACT}.phoneNumbers", [{"value": f"{n}"} for n in range(10_000, 10_021)], "too_many"),
    (f"{PHONE}.value", "1234", "too_short"),
    (f"{PHONE}.value", 142685300, "wrong_type"),
    (f"{PHONE}.isPrimary", "true", "wrong_type"),
    (f"{PHONE}.isPrimary", 1, "wrong_type"),
    (f"{PHONE}.phoneType", "PAGER", "not_allowed"),
    (f"{ADDRESS}.addressLine1", "a" * 41, "too_long"),
    (f"{ADDRESS}.addressLine2", "a" * 41, "too_long"),
    (f"{ADDRESS}.city", "c" * 29, "too_long"),
    (f"{ADDRESS}.postCode", "p" * 17, "too_long"),
    (f"{ADDRESS}.countrySubdivision", "c" * 36, "too_long"),
    (f"{ADDRESS}.timeZone", "z" * 128, "too_long"),
    (f"{ADDRESS}.vfiSiteId", "v" * 51, "too_long"),
    (f"{ADDRESS}.storeNumber", "a\0", "bad_characters"),
    (f"{ADDRESS}.country", "FR", "not_a_country"),
    (f"{ADDRESS}.country", "SGS", "not_a_country"),
    (f"{ADDRESS}.governmentCountry", "fra", "not_a_country"),
    (f"{ADDRESS}.governmentOwned", 0, "wrong_type"),
    (f"{DEVICES}.quantity", 0, "too_small"),
    (f"{DEVICES}.quantity", -1, "too_small"),
    (f"{DEVICES}.quantity", 100_001, "too_large"),
    (f"{DEVICES}.quantity", 10**4000, "too_large"),
    (f"{DEVICES}.quantity", "1", "wrong_type"),
    (f"{DEVICES}.quantity", True, "wrong_type"),
    (f"{DEVICES}.quantity", 1.5, "wrong_type"),
    (f"{DEVICES}.serialNumbers", ["s"] * 1001, "too_many"),
    (f"{DEVICES}.serialNumbers[0]", "s" * 26, "too_long"),
    (f"{DEVICES}.additionalPackageData", [{}] * 51, "too_many"),
]

# What JSON Schema cannot say, or Python's jsonschema does not look at: the calendar, strings that are not Unicode, and
# what `format: email` has beyond the pattern.
BEYOND_SCHEMA = {"bad_date_time", "date_time_out_of_range"}


def _is_published(body: object) -> bool:
    return jsonschema.Draft202012Validator(order_schema()).is_valid(body)


def test_an_order_with_every_field_is_good(order: dict[str, Any]) -> None:
    assert check_order(order) == []
    assert _is_published(order)


@pytest.mark.parametrize(("param", "value"), GOOD)
def test_a_good_value_is_taken(put: Put, param: str, value: object) -> None:
    body = put(param, value)
    assert check_order(body) == []
    assert _is_published(body)


@pytest.mark.parametrize(("param", "value", "code"), BAD)
def test_a_bad_value_is_refused_with_its_path_and_code(put: Put, param: str, value: object, code: str) -> None:
    errors = check_order(put(param, value))
    assert [(error.param, error.code) for error in errors] == [(param, code)]
    assert errors[0].message.startswith(f"{param} ")
    assert errors[0].message.endswith(".")


@pytest.mark.parametrize(
    ("param", "value"),
    [
        (param, value)
        for param, value, code in BAD
        if code not in BEYOND_SCHEMA and value not in ("\ud800", f"{UID}\n", LONG_LOCAL_PART)
    ],
)
def test_the_published_schema_refuses_the_same_values(put: Put, param: str, value: object) -> None:
    assert not _is_published(put(param, value))
