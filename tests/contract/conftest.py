"""An order with every field that the contract knows, and the way to change one of them."""

from collections.abc import Callable
from typing import Any

import pytest

Order = dict[str, Any]


def _contact() -> Order:
    return {
        "contactType": "OWNER",
        "name": {
            "firstName": "Ada",
            "lastName": "Lovelace",
            "prefix": "Dr",
            "alternateFullName": "Augusta Ada King",
            "middleName": "King",
            "suffix": "Jr",
        },
        "phoneNumbers": [
            {"callingCode": "33", "value": "142685300", "extension": "12", "isPrimary": True, "phoneType": "WORK"},
            {"value": "142685300"},
        ],
        "email": "ada@example.com",
        "businessTitle": "Store manager",
    }


def _address() -> Order:
    return {
        "receiverName": "Corner Café",
        "addressLine1": "12 rue de la Paix",
        "addressLine2": "Building B",
        "addressLine3": "",
        "poBox": "BP 42",
        "city": "Paris",
        "countrySubdivision": "Île-de-France",
        "postCode": "75002",
        "country": "FRA",
        "timeZone": "Europe/Paris",
        "contact": _contact(),
        "vfiSiteId": "SITE-0042",
        "storeNumber": "0042",
        "governmentOwned": False,
        "governmentCountry": "ZZZ",
    }


def _answers() -> list[Order]:
    return [{"variableName": "vatId", "variableValue": "FR40303265045"}]


def _prices() -> list[Order]:
    return [{"priceModel": "MONTHLY_FEE", "price": "12.50"}]


def _devices() -> Order:
    return {
        "packageBundleId": "V400M-BUNDLE",
        "additionalPackageData": _answers(),
        "quantity": 2,
        "serialNumbers": ["804-123-456"],
    }


def _package_details() -> Order:
    return {
        "portfolioUid": "5b0e1f5c-5d0e-4c86-9a4b-0f4e4b7f9d11",
        "basePackageBundle": {"packageBundleId": "BASE-STANDARD", "price": "199.00"},
        "servicePackages": [
            {
                "packageBundleId": "CARE-PLUS",
                "adjustedPrices": _prices(),
                "processorParameters": {"processor": "ELAVON", "tidList": ["10000001", "10000002"]},
                "additionalPackageData": _answers(),
                "threeDSMerchantIdentifiers": {"merchantId": "3DS-0042", "paymentType": "VISA"},
            }
        ],
        "deliveryPackage": {
            "packageBundleId": "SHIP-EXPRESS",
            "adjustedPrices": _prices(),
            "additionalPackageData": _answers(),
        },
    }


def _merchant() -> Order:
    return {
        "merchantName": "Corner Café",
        "primaryContact": _contact(),
        "requestedDateOfShipment": "2026-12-01T00:00:00Z",
        "mcc": "5812",
        "tradingAddress": _address(),
        "shippingAddress": _address(),
        "billingAddress": _address(),
        "companyAddress": _address(),
        "siteReferenceId": "SITE-PARIS-2",
        "siteName": "Corner Café, Opéra",
        "openingHours": [{"day": "MONDAY", "times": {"start": "09:00", "end": "18:30"}}],
        "pois": [{"devicePackage": _devices(), "additionalDevicePackages": [_devices()]}],
    }


@pytest.fixture
def order() -> Order:
    """A good order that uses every field once."""
    return {
        "orderReference": "ORD-1234",
        "customerEntityUid": "0d8b5f3e-7f3f-4c0a-9a43-6f0f6a5f1c22",
        "requestedDate": "2026-12-01T00:00:00+01:00",
        "poRef": "85219587",
        "paymentDetails": {"paymentType": "ACCOUNT"},
        "notes": "Ring at the back door.",
        "additionalOrderData": _answers(),
        "packageDetails": _package_details(),
        "merchant": _merchant(),
    }


def _step(key: str) -> str | int:
    return int(key) if key.isdigit() else key


@pytest.fixture
def put(order: Order) -> Callable[[str, object], Order]:
    """Set the field at a path such as `merchant.pois[0].devicePackage` of the order, and give the order."""

    def put_value(param: str, value: object) -> Order:
        *parents, last = [_step(key) for key in param.replace("[", ".").replace("]", "").split(".")]
        place: Any = order
        for step in parents:
            place = place[step]
        place[last] = value
        return order

    return put_value
