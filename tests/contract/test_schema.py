"""The models against a table of the contract's facts, so that a lost field or limit shows; and the published form."""

from typing import Any

import jsonschema
import pytest

from hardware_orders.contract.body import cancellation_schema, order_schema, progress_schema
from hardware_orders.contract.countries import COUNTRY_CODES
from hardware_orders.contract.enums import OrderType

Limits = dict[str, Any]

# Fields and the vendor's limits, as `name[!] [min..max][ format]`: `!` is required, the numbers are characters of a
# string, items of an array, or the least value of an integer. A limit that the vendor leaves open is left open here.
FACTS = {
    "HardwareOrder": "orderReference! 1.., customerEntityUid! uuid, requestedDate date-time, poRef, notes, paymentDetails,"
    " additionalOrderData ..100, packageDetails, merchant",
    "PaymentDetails": "paymentType",
    "PackageDetails": "portfolioUid uuid, basePackageBundle!, servicePackages ..100, deliveryPackage",
    "BundleAndPrice": "packageBundleId! ..100, price ..32",
    "ServicePackages": "packageBundleId! ..100, adjustedPrices ..50, processorParameters, additionalPackageData ..50,"
    " threeDSMerchantIdentifiers",
    "BundleAndPriceAndData": "packageBundleId! ..100, adjustedPrices ..50, additionalPackageData ..50",
    "BundleAndSerialNumberAndQuantity": "packageBundleId! ..100, additionalPackageData ..50, quantity 1.., serialNumbers",
    "AdjustedPriceType": "priceModel, price ..32",
    "VariableResponseType": "variableName, variableValue ..10000",
    "BaseProcessorParameters": "processor, tidList",
    "ThreeDSecureMerchantIdentifiers": "merchantId! ..30, paymentType!",
    "HardwareMerchant": "merchantName 1..100, primaryContact!, requestedDateOfShipment date-time, mcc 4..4, tradingAddress,"
    " shippingAddress, billingAddress, companyAddress, siteReferenceId 1..100, siteName 1.., openingHours 1.., pois ..1000",
    "HardwarePoiType": "devicePackage, additionalDevicePackages ..100",
    "ContactType": "contactType, name!, phoneNumbers 1.., email 3..254 email, businessTitle ..100",
    "Name": "firstName! 1..120, lastName! 1..120, prefix ..120, alternateFullName ..200, middleName ..120, suffix ..120",
    "Phone": "callingCode, value! 5.., extension, isPrimary, phoneType",
    "AddressWithoutType": "receiverName 1.., addressLine1! 1..40, addressLine2 ..40, addressLine3 ..40, poBox, city! 1..28,"
    " countrySubdivision 1..35, postCode! 1..16, country!, timeZone 1..127, contact, vfiSiteId 1..50, storeNumber,"
    " governmentOwned, governmentCountry",
    "EntityOpeningHours": "day!, times!",
    "EntityOpeningPeriod": "start!, end!",
}
# How many values each list of the vendor has, and the ends of it.
ENUMS = {
    "ContactTypeEnum": (4, "BUSINESS", "PERSONAL"),
    "CountryCode3Enum": (251, "ZZZ", "ZWE"),
    "DayOfWeekEnum": (7, "MONDAY", "SUNDAY"),
    "PaymentDetailsPaymentType": (4, "ACCOUNT", "EINVOICE"),
    "PaymentTypeEnum": (96, "AFFIRM", "OTHER"),
    "PhoneTypeEnum": (5, "HOME", "OTHER"),
    "PriceModel": (8, "MONTHLY_FEE", "QUARTERLY_FEE"),
    "Processor": (80, "ABS_ISO", "UNIFY_GIVEX"),
}


def _objects() -> dict[str, Any]:
    schema = order_schema()
    return {"HardwareOrder": schema} | {name: part for name, part in schema["$defs"].items() if "properties" in part}


def _fact(text: str) -> tuple[str, bool, str, str, str]:
    name, *rest = text.split()
    limits = next((word for word in rest if ".." in word), "..")
    form = next((word for word in rest if ".." not in word), "")
    least, most = limits.split("..")
    return name.removesuffix("!"), name.endswith("!"), least, most, form


def _bound(member: Limits, *keywords: str) -> str:
    return next((str(member[keyword]) for keyword in keywords if keyword in member), "")


def test_the_facts_name_every_object() -> None:
    assert sorted(_objects()) == sorted(FACTS)


@pytest.mark.parametrize("name", FACTS)
def test_an_object_has_the_contracts_fields_and_limits(name: str) -> None:
    facts = [_fact(text.strip()) for text in FACTS[name].split(",")]
    published = _objects()[name]
    assert sorted(published["properties"]) == sorted(field for field, *_ in facts)
    assert sorted(published.get("required", [])) == sorted(field for field, is_required, *_ in facts if is_required)
    assert published["additionalProperties"] is False
    for field, _, least, most, form in facts:
        member = published["properties"][field]
        assert _bound(member, "minLength", "minItems", "minimum") == least, field
        assert not most or _bound(member, "maxLength", "maxItems", "maximum") == most, field
        assert member.get("format", "") == form, field


@pytest.mark.parametrize("name", ENUMS)
def test_a_list_of_words_is_the_vendors(name: str) -> None:
    values = order_schema()["$defs"][name]["enum"]
    assert (len(values), values[0], values[-1]) == ENUMS[name]
    assert len(set(values)) == len(values)


def test_the_definitions_are_the_vendors_and_no_others() -> None:
    assert sorted(order_schema()["$defs"]) == sorted({*FACTS, *ENUMS} - {"HardwareOrder"})


def test_the_reasons_of_a_cancellation_are_the_vendors() -> None:
    schema = cancellation_schema()
    assert schema["required"] == ["cancelReasonEnum"]
    assert schema["properties"]["cancelAdditionalReason"]["maxLength"] == 1000
    assert schema["$defs"]["CancelReasonEnum"]["enum"] == [
        "ADMIN_REASON",
        "RELATED_PO_CHANGES",
        "WRONG_PRODUCT",
        "ORDER_LATE",
        "OTHER",
    ]


def test_the_statuses_of_a_report_are_the_vendors_and_ours() -> None:
    schema = progress_schema()
    assert schema["required"] == ["status"]
    assert [len(schema["$defs"][name]["enum"]) for name in ("OrderStatusEnum", "DetailedStatusEnum")] == [7, 24]


def test_a_hardware_order_is_one_of_seven_kinds() -> None:
    assert OrderType("HardwareOrder") in OrderType
    assert len(OrderType) == 7


def test_the_countries_are_the_vendors_with_its_quirk() -> None:
    assert {"ZZZ", "SGC", "FRA", "SSD"} <= set(COUNTRY_CODES)
    assert "SGS" not in COUNTRY_CODES


@pytest.mark.parametrize(
    "schema", [order_schema(), cancellation_schema(), progress_schema()], ids=["order", "cancellation", "progress"]
)
def test_the_published_schema_is_valid_and_every_field_described(schema: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for part in (schema, *schema["$defs"].values()):
        assert part["description"]
        for name, member in part.get("properties", {}).items():
            assert member["description"].endswith("."), name
            assert "default" not in member, name
            for example in member.get("examples", []):
                assert validator.evolve(schema={**member, "$defs": schema["$defs"]}).is_valid(example), name


def test_arrays_of_unlike_items_say_so() -> None:
    objects = _objects()
    assert objects["ContactType"]["properties"]["phoneNumbers"]["uniqueItems"] is True
    assert objects["BaseProcessorParameters"]["properties"]["tidList"]["uniqueItems"] is True
