"""The published form of the body: JSON Schema for the OpenAPI document, under the vendor's names for its schemas."""

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

# Ours are named for what they are; the vendor calls the object ContactType and marks most enums by a suffix.
_VENDOR_NAMES = {
    "CancelReason": "CancelReasonEnum",
    "Contact": "ContactType",
    "ContactType": "ContactTypeEnum",
    "CountryCode": "CountryCode3Enum",
    "DayOfWeek": "DayOfWeekEnum",
    "DetailedStatus": "DetailedStatusEnum",
    "PaymentType": "PaymentDetailsPaymentType",
    "OrderEventType": "OrderEventTypeEnum",
    "PhoneType": "PhoneTypeEnum",
    "Status": "OrderStatusEnum",
    "ThreeDSPaymentType": "PaymentTypeEnum",
}
_REFERENCE = "#/$defs/"


class _BodySchema(GenerateJsonSchema):
    """Members without titles (their names say enough) and without defaults (an absent member stays absent)."""

    def field_title_should_be_set(self, _schema: Any) -> bool:
        return False

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])


def json_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Give the model's JSON Schema, with `$defs` and every reference to them under the vendor's names."""
    schema = model.model_json_schema(ref_template=_REFERENCE + "{model}", schema_generator=_BodySchema)
    definitions = schema.pop("$defs", {})
    named = {_vendor_name(name): _renamed(definition) for name, definition in definitions.items()}
    for definition in named.values():
        definition.pop("title", None)  # it repeats our class's name, which need not be the vendor's
    return {**_renamed(schema), "$defs": dict(sorted(named.items()))}


def _vendor_name(name: str) -> str:
    return _VENDOR_NAMES.get(name, name)


def _renamed(node: Any) -> Any:
    """Copy a schema with its references renamed."""
    if isinstance(node, list):
        return [_renamed(item) for item in node]
    if not isinstance(node, dict):
        return node
    copy = {key: _renamed(value) for key, value in node.items()}
    if "$ref" in copy:
        copy["$ref"] = _REFERENCE + _vendor_name(copy["$ref"].removeprefix(_REFERENCE))
    return copy
