"""The bodies of requests, the order's as the vendor's page has it, and every check of one: what comes after the JSON.

The checks take parsed JSON and leave it as it is. They say what is wrong; they neither convert nor fill in anything.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Annotated, Any

from pydantic import Field, Strict, ValidationError
from pydantic_core import ErrorDetails

from hardware_orders.contract.enums import CancelReason, DetailedStatus, PaymentType, Status
from hardware_orders.contract.member import BodyObject, optional, required
from hardware_orders.contract.merchant import HardwareMerchant
from hardware_orders.contract.messages import code_and_predicate
from hardware_orders.contract.packages import PackageDetails, VariableResponseType
from hardware_orders.contract.scalars import (
    MAX_CODE,
    MAX_EXACT_INTEGER,
    MAX_FREE_TEXT,
    MAX_NOTES,
    MAX_REFERENCE,
    NOT_BLANK_PATTERN,
    Instant,
    Uuid,
    text,
)
from hardware_orders.contract.schema import json_schema

# The contract's bound on `errors` in an answer: enough to mend a body in one go, and never a long answer to a bad one.
MOST_ERRORS = 20
# A megabyte of unknown fields has a hundred thousand faults, and each costs a microsecond to look at; above this nobody
# is helped by the first twenty, so that a hostile body costs a few milliseconds.
MOST_FAULTS = 10_000
# A client's own field name is repeated so far: longer than any real name, too short to carry anything else.
MOST_NAME_CHARACTERS = 64
# What no portfolio can know of an order.
EACH_ORDERS_OWN = ("orderReference", "customerEntityUid")


class PaymentDetails(BodyObject):
    """How the order is paid."""

    payment_type: Annotated[PaymentType, Strict(False)] = optional(
        "The way of paying, also for later recurring fees; CREDIT when absent.", "ACCOUNT"
    )


class HardwareOrder(BodyObject):
    """An order for payment terminals and what belongs to them."""

    order_reference: Annotated[str, text(1, MAX_REFERENCE)] = required(
        "The client's own reference; it need not be unique.", "ORD-1234"
    )
    customer_entity_uid: Uuid = required(
        "The customer that the order is for; portfolios and packages belong to it.",
        "0d8b5f3e-7f3f-4c0a-9a43-6f0f6a5f1c22",
    )
    requested_date: Instant = optional("When the order is wanted.", "2026-12-01T00:00:00Z")
    po_ref: Annotated[str, text(0, MAX_REFERENCE)] = optional("The number of the purchase order.", "85219587")
    notes: Annotated[str, text(0, MAX_NOTES)] = optional("Anything a person should know.", "Ring at the back door.")
    payment_details: PaymentDetails = optional("The way of paying for the order.")
    additional_order_data: Annotated[list[VariableResponseType], Field(max_length=100)] = optional(
        "Answers to the questions that the country or the business unit asks, such as a VAT id."
    )
    package_details: PackageDetails = optional("The packages chosen.")
    merchant: HardwareMerchant = optional("Whom the hardware is for, and where it goes.")


class OrderCancelRequest(BodyObject):
    """Why an order is cancelled."""

    cancel_reason_enum: Annotated[CancelReason, Strict(False)] = required("The reason.", "ORDER_LATE")
    cancel_additional_reason: Annotated[str, text()] = optional(
        "The reason in the client's words.", "The shop has closed."
    )


class OrderProgress(BodyObject):
    """Fulfilment's report of where an order stands."""

    status: Annotated[Status, Strict(False)] = required("Where the order now stands.", "INPROGRESS")
    detailed_status: Annotated[DetailedStatus, Strict(False)] = optional(
        "More closely where; the detailed status of the same name as the status when absent.", "FULFILMENT_SHIPPED"
    )
    code: Annotated[str, text(1, MAX_CODE, NOT_BLANK_PATTERN)] = optional(
        "Fulfilment's own code that goes with the status.", "CARRIER_DELAY"
    )
    information: Annotated[str, text(1, MAX_FREE_TEXT, NOT_BLANK_PATTERN)] = optional(
        "Anything a person should know about the status.", "The carrier collects a day later."
    )
    tracking_reference: Annotated[str, text(1, MAX_REFERENCE, NOT_BLANK_PATTERN)] = optional(
        "The carrier's reference to follow the parcel by; stays until another is reported.", "1Z999AA10123456784"
    )
    order_number: Annotated[int, Field(ge=1, le=MAX_EXACT_INTEGER)] = optional(
        "Fulfilment's own number of the order; stays until another is reported.", 4711
    )


@dataclass(frozen=True, slots=True)
class FieldError:
    """One field at fault.

    `param` is its path, such as `merchant.pois[3].devicePackage.quantity`, and empty for the body as a whole; `code` is
    a stable lower_snake token; `message` is one sentence with the remedy, and never repeats the value sent.
    """

    param: str
    code: str
    message: str


def check_order(body: object, *, complete: bool = True) -> list[FieldError]:
    """Say what is wrong with an order's body: at most `MOST_ERRORS`, in the order of the fields; empty when it is good.

    `complete=False` (the simplified flow) lets nested objects lack their required members, which may yet be derived;
    see `contract.missing`. The two fields that the vendor's page requires of every order are always required.
    """
    faults = _faults(HardwareOrder, body)
    return _errors(fault for fault in faults if complete or not _is_nested_absence(fault))


def check_partial_order(body: object) -> list[FieldError]:
    """Say what is wrong with a portfolio's defaults: any member of an order but those that are each order's own.

    Nothing is required at any level, since the order supplies the rest.
    """
    own = [name for name in EACH_ORDERS_OWN if isinstance(body, dict) and name in body]
    refused = [
        FieldError(name, "not_a_default", f"{name} is each order's own, not a default; remove it.") for name in own
    ]
    kept = (
        fault
        for fault in _faults(HardwareOrder, body)
        if fault["type"] != "missing" and not (fault["loc"] and fault["loc"][0] in own)
    )
    return [*refused, *_errors(kept)][:MOST_ERRORS]


def check_cancellation(body: object) -> list[FieldError]:
    """Say what is wrong with the body of a cancellation; empty when it is good."""
    return _errors(_faults(OrderCancelRequest, body))


def check_progress(body: object) -> list[FieldError]:
    """Say what is wrong with the body of a report of progress; empty when it is good."""
    return _errors(_faults(OrderProgress, body))


def order_schema(*, complete: bool = True) -> dict[str, Any]:
    """Give the JSON Schema (2020-12, as OpenAPI 3.1 takes it) of what `check_order` takes; `$defs` are the vendor's.

    The calendar, and the years that instants lie in, are checked beyond it: JSON Schema has no words for them. Neither
    has it for objects of an incomplete order that differ as sent, and no more once defaults are filled in.
    """
    schema = json_schema(HardwareOrder)
    if not complete:
        for definition in schema["$defs"].values():
            definition.pop("required", None)
            for member in definition.get("properties", {}).values():
                if "$ref" in member.get("items", {}):
                    member.pop("uniqueItems", None)
    return schema


def cancellation_schema() -> dict[str, Any]:
    """Give the JSON Schema of a cancellation's body, in the form of `order_schema`."""
    return json_schema(OrderCancelRequest)


def progress_schema() -> dict[str, Any]:
    """Give the JSON Schema of a report of progress, in the form of `order_schema`."""
    return json_schema(OrderProgress)


def check(model: type[BodyObject], body: object) -> list[FieldError]:
    """Say what is wrong with a body of this model; empty when it is good."""
    return _errors(_faults(model, body))


def _faults(model: type[BodyObject], body: object) -> list[ErrorDetails]:
    try:
        model.__pydantic_validator__.validate_python(body)
    except ValidationError as error:
        if error.error_count() > MOST_FAULTS:
            return [ErrorDetails(type="too_many_faults", loc=(), msg="", input=body)]
        return error.errors(include_url=False)
    return []


def _is_nested_absence(fault: ErrorDetails) -> bool:
    return fault["type"] == "missing" and len(fault["loc"]) > 1


def _errors(faults: Iterable[ErrorDetails]) -> list[FieldError]:
    return [_field_error(fault) for fault in islice(faults, MOST_ERRORS)]


def _field_error(fault: ErrorDetails) -> FieldError:
    code, predicate = code_and_predicate(fault)
    steps = fault["loc"]
    if code == "unknown_field":
        steps = (*steps[:-1], cleaned(str(steps[-1])))
    param = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps).removeprefix(".")
    return FieldError(param, code, f"{param or 'The body'} {predicate}.")


def cleaned(name: str) -> str:
    """Make a client's own field name fit to be shown: no control or direction characters, and short."""
    shown = "".join(character if character.isprintable() else "?" for character in name[:MOST_NAME_CHARACTERS])
    return shown or '""'
