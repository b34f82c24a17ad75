"""People and places: contacts with their names and telephones, and postal addresses."""

from typing import Annotated

from pydantic import Field, Strict

from hardware_orders.contract.countries import CountryCode
from hardware_orders.contract.enums import ContactType, PhoneType
from hardware_orders.contract.member import BodyObject, optional, required
from hardware_orders.contract.scalars import MAX_PHONE_NUMBERS, NAME_PATTERN, Email, UniqueItems, text


class Name(BodyObject):
    """A person's name."""

    first_name: Annotated[str, text(1, 120, NAME_PATTERN)] = required("The given name.", "Ada")
    last_name: Annotated[str, text(1, 120, NAME_PATTERN)] = required("The family name.", "Lovelace")
    prefix: Annotated[str, text(0, 120, NAME_PATTERN)] = optional("What stands before the name.", "Dr")
    alternate_full_name: Annotated[str, text(0, 200, NAME_PATTERN)] = optional(
        "The whole name in another form or script."
    )
    middle_name: Annotated[str, text(0, 120, NAME_PATTERN)] = optional("Further given names.", "King")
    suffix: Annotated[str, text(0, 120, NAME_PATTERN)] = optional("What stands after the name.", "Jr")


class Phone(BodyObject):
    """A telephone number."""

    calling_code: Annotated[str, text()] = optional("The country's calling code.", "33")
    value: Annotated[str, text(5)] = required("The number, without calling code and extension.", "142685300")
    extension: Annotated[str, text()] = optional("The extension to ask for.", "12")
    is_primary: bool = optional("Whether this is the number to try first; false when absent.", True)
    phone_type: Annotated[PhoneType, Strict(False)] = optional("Where it rings; HOME when absent.", "WORK")


class Contact(BodyObject):
    """A person to talk to."""

    contact_type: Annotated[ContactType, Strict(False)] = optional(
        "What the person is to the merchant; BUSINESS when absent.", "OWNER"
    )
    name: Name = required("What the person is called.")
    phone_numbers: Annotated[list[Phone], Field(min_length=1, max_length=MAX_PHONE_NUMBERS), UniqueItems] = optional(
        "The person's telephone numbers; each once."
    )
    email: Email = optional("The person's e-mail address.", "ada@example.com")
    business_title: Annotated[str, text(0, 100)] = optional("The person's position.", "Store manager")


class AddressWithoutType(BodyObject):
    """A postal address, and who is to be found there."""

    receiver_name: Annotated[str, text(1, pattern=NAME_PATTERN)] = optional(
        "Who receives what is sent there.", "Corner Café, goods-in"
    )
    address_line1: Annotated[str, text(1, 40)] = required(
        "The first line, usually street and number.", "12 rue de la Paix"
    )
    address_line2: Annotated[str, text(0, 40)] = optional("The second line.", "Building B")
    address_line3: Annotated[str, text(0, 40)] = optional("The third line.")
    po_box: Annotated[str, text()] = optional("The post-office box.", "BP 42")
    city: Annotated[str, text(1, 28)] = required("The town.", "Paris")
    country_subdivision: Annotated[str, text(1, 35)] = optional("State, province or region.", "Île-de-France")
    post_code: Annotated[str, text(1, 16)] = required("The postal code.", "75002")
    country: CountryCode = required("The country, ISO 3166-1 alpha-3.", "FRA")
    time_zone: Annotated[str, text(1, 127)] = optional("The IANA time zone.", "Europe/Paris")
    contact: Contact = optional("Who is to be found there.")
    vfi_site_id: Annotated[str, text(1, 50)] = optional("The site's id inside Verifone.", "SITE-0042")
    store_number: Annotated[str, text()] = optional("The store's number, or the customer's id in Oracle.", "0042")
    government_owned: bool = optional("Whether the place belongs to a government.", False)
    government_country: CountryCode = optional("The country of that government, ISO 3166-1 alpha-3.", "FRA")
