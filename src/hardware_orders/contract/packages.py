"""What is ordered: `packageDetails` of an order, the packages inside it, and those of each terminal."""

from typing import Annotated

from pydantic import Field, Strict

from hardware_orders.contract.enums import PriceModel, Processor, ThreeDSPaymentType
from hardware_orders.contract.member import BodyObject, optional, required
from hardware_orders.contract.scalars import (
    EMPTY_OR_NOT_BLANK_PATTERN,
    MAX_SERIAL_NUMBERS,
    MAX_TERMINAL_IDS,
    WORD_PATTERN,
    Amount,
    PackageBundleId,
    Quantity,
    UniqueItems,
    Uuid,
    text,
)


class VariableResponseType(BodyObject):
    """An answer to one of the questions that a country, a business unit or a package asks."""

    variable_name: Annotated[str, text(pattern=WORD_PATTERN)] = optional(
        "The question's name, as Verifone gives it.", "vatId"
    )
    variable_value: Annotated[str, text(max_length=10_000)] = optional("The answer.", "FR40303265045")


class AdjustedPriceType(BodyObject):
    """A price that differs from the package's own."""

    price_model: Annotated[PriceModel, Strict(False)] = optional("What the price is charged for.", "MONTHLY_FEE")
    price: Amount = optional("The amount as text, in the currency of the portfolio.", "12.50")


class ThreeDSecureMerchantIdentifiers(BodyObject):
    """A merchant's identity in 3-D Secure for one means of payment."""

    merchant_id: Annotated[str, text(0, 30, EMPTY_OR_NOT_BLANK_PATTERN)] = required(
        "The 3-D Secure merchant id to use instead of the contract's.", "3DS-0042"
    )
    payment_type: Annotated[ThreeDSPaymentType, Strict(False)] = required("The means of payment it is for.", "VISA")


class BaseProcessorParameters(BodyObject):
    """What the processor of the card payments needs to know."""

    processor: Annotated[Processor, Strict(False)] = optional("The processor; TSYS_US when absent.", "ELAVON")
    tid_list: Annotated[list[Annotated[str, text()]], Field(max_length=MAX_TERMINAL_IDS), UniqueItems] = optional(
        "Terminal ids issued by the acquirer, to be given to the terminals; each once.", ["10000001", "10000002"]
    )


class BundleAndPrice(BodyObject):
    """A package bundle and what it is sold for."""

    package_bundle_id: PackageBundleId = required("The bundle's id, as Verifone gives it.", "BASE-STANDARD")
    price: Amount = optional("The price agreed, as text.", "199.00")


class ServicePackages(BodyObject):
    """A service ordered beside the base package."""

    package_bundle_id: PackageBundleId = required("The service bundle's id, as Verifone gives it.", "CARE-PLUS")
    adjusted_prices: Annotated[list[AdjustedPriceType], Field(max_length=50)] = optional(
        "Prices that differ from the bundle's own."
    )
    processor_parameters: BaseProcessorParameters = optional("The processor of the card payments and what it needs.")
    additional_package_data: Annotated[list[VariableResponseType], Field(max_length=50)] = optional(
        "Answers to the questions that the bundle asks."
    )
    three_ds_merchant_identifiers: ThreeDSecureMerchantIdentifiers = optional(
        "The merchant's identity in 3-D Secure.", alias="threeDSMerchantIdentifiers"
    )


class BundleAndPriceAndData(BodyObject):
    """How the order is delivered: a bundle, its prices and the answers it needs."""

    package_bundle_id: PackageBundleId = required("The delivery bundle's id, as Verifone gives it.", "SHIP-EXPRESS")
    adjusted_prices: Annotated[list[AdjustedPriceType], Field(max_length=50)] = optional(
        "Prices that differ from the bundle's own."
    )
    additional_package_data: Annotated[list[VariableResponseType], Field(max_length=50)] = optional(
        "Answers to the questions that the bundle asks, such as a merchant id."
    )


class PackageDetails(BodyObject):
    """The packages chosen: the base package, services beside it, and the delivery."""

    portfolio_uid: Uuid = optional(
        "The portfolio that the packages are chosen from; the customer's default portfolio when absent.",
        "5b0e1f5c-5d0e-4c86-9a4b-0f4e4b7f9d11",
    )
    base_package_bundle: BundleAndPrice = required("The base package.")
    service_packages: Annotated[list[ServicePackages], Field(max_length=100)] = optional(
        "Services beside the base package."
    )
    delivery_package: BundleAndPriceAndData = optional("How the hardware is delivered.")


class BundleAndSerialNumberAndQuantity(BodyObject):
    """Devices of one kind for one terminal's place."""

    package_bundle_id: PackageBundleId = required("The device bundle's id, as Verifone gives it.", "V400M-BUNDLE")
    additional_package_data: Annotated[list[VariableResponseType], Field(max_length=50)] = optional(
        "Answers to the questions that the bundle asks."
    )
    quantity: Quantity = optional("How many of the bundle are ordered.", 2)
    serial_numbers: Annotated[list[Annotated[str, text(0, 25)]], Field(max_length=MAX_SERIAL_NUMBERS)] = optional(
        "Serial numbers of devices that are already known.", ["804-123-456"]
    )
