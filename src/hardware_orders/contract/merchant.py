"""Who the hardware is for: `merchant` of an order, its opening hours and its terminals."""

from typing import Annotated

from pydantic import Field, Strict

from hardware_orders.contract.contacts import AddressWithoutType, Contact
from hardware_orders.contract.enums import DayOfWeek
from hardware_orders.contract.member import BodyObject, optional, required
from hardware_orders.contract.packages import BundleAndSerialNumberAndQuantity
from hardware_orders.contract.scalars import (
    MAX_OPENING_HOURS,
    MERCHANT_CATEGORY_PATTERN,
    NAME_PATTERN,
    NOT_BLANK_NAME_PATTERN,
    Instant,
    TimeOfDay,
    text,
)


class EntityOpeningPeriod(BodyObject):
    """A stretch of a day, in the place's own time."""

    start: TimeOfDay = required("When it opens.", "09:00")
    end: TimeOfDay = required("When it closes.", "18:30")


class EntityOpeningHours(BodyObject):
    """When the merchant is open on one day of the week."""

    day: Annotated[DayOfWeek, Strict(False)] = required("The day.", "MONDAY")
    times: EntityOpeningPeriod = required("From when to when.")


class HardwarePoiType(BodyObject):
    """A point of interaction: a terminal and what belongs to it."""

    device_package: BundleAndSerialNumberAndQuantity = optional("The terminal.")
    additional_device_packages: Annotated[list[BundleAndSerialNumberAndQuantity], Field(max_length=100)] = optional(
        "What belongs to the terminal, such as stands, cables and paper."
    )


class HardwareMerchant(BodyObject):
    """The merchant that the hardware is for."""

    merchant_name: Annotated[str, text(1, 100, NOT_BLANK_NAME_PATTERN)] = optional(
        "The merchant's name; not only spaces.", "Corner Café"
    )
    primary_contact: Contact = required("Whom to ask about the order.")
    requested_date_of_shipment: Instant = optional("When the hardware should be sent.", "2026-12-01T00:00:00Z")
    mcc: Annotated[str, text(4, 4, MERCHANT_CATEGORY_PATTERN)] = optional(
        "The merchant category code, ISO 18245.", "5812"
    )
    trading_address: AddressWithoutType = optional("Where the merchant trades.")
    shipping_address: AddressWithoutType = optional("Where the hardware goes.")
    billing_address: AddressWithoutType = optional("Where the invoice goes.")
    company_address: AddressWithoutType = optional("Where the company is registered.")
    site_reference_id: Annotated[str, text(1, 100)] = optional(
        "The site's id, when it is not the merchant's.", "SITE-PARIS-2"
    )
    site_name: Annotated[str, text(1, pattern=NAME_PATTERN)] = optional(
        "The site's name, when it is not the merchant's.", "Corner Café, Opéra"
    )
    opening_hours: Annotated[list[EntityOpeningHours], Field(min_length=1, max_length=MAX_OPENING_HOURS)] = optional(
        "When somebody is there to receive the hardware."
    )
    pois: Annotated[list[HardwarePoiType], Field(max_length=1000)] = optional("The terminals ordered.")
