"""Which members of an order are about a person, and an order without them: what an erasure leaves.

Each member of the order, as answers and events show it, stands in one of two tables; a test holds that none is missing.
Erasing keeps what is listed as kept, so that a member nobody has thought about is erased (docs/adr/0023).
"""

from collections.abc import Mapping
from typing import Any

import orjson

from hardware_orders import canonical
from hardware_orders.orders.order import Order

# JSON Pointers (RFC 6901), `*` for each element of an array. What lies below an erased one is erased with it.
ERASED = (
    "/notes",
    "/additionalOrderData/*/variableValue",  # a VAT id is a person's where the merchant is one
    "/packageDetails/servicePackages/*/additionalPackageData/*/variableValue",
    "/packageDetails/servicePackages/*/threeDSMerchantIdentifiers/merchantId",
    "/packageDetails/deliveryPackage/additionalPackageData/*/variableValue",
    "/merchant/merchantName",
    "/merchant/primaryContact",
    "/merchant/tradingAddress",
    "/merchant/shippingAddress",
    "/merchant/billingAddress",
    "/merchant/companyAddress",
    "/merchant/siteName",
    "/merchant/pois/*/devicePackage/additionalPackageData/*/variableValue",
    "/merchant/pois/*/additionalDevicePackages/*/additionalPackageData/*/variableValue",
    "/internal/extendedDetails/information",  # words of fulfilment's, who may name whom they met
    "/internal/cancellationHistory/*/cancelAdditionalReason",
    "/internal/portfolioChanges",  # both values of what would change
    "/internal/oracleShippingTrackingReference",  # the carrier shows the address for it
)
# What was ordered, how and when; and who acted on it: that is the record of what was done, not the order's content.
KEPT = (
    "/orderReference",
    "/customerEntityUid",
    "/orderId",
    "/status",
    "/orderType",
    "/createdUserUid",
    "/createdBy",
    "/createdDate",
    "/modifiedUserUid",
    "/modifiedBy",
    "/modifiedDate",
    "/requestedDate",
    "/poRef",
    "/paymentDetails/paymentType",
    "/additionalOrderData/*/variableName",
    "/packageDetails/portfolioUid",
    "/packageDetails/basePackageBundle/packageBundleId",
    "/packageDetails/basePackageBundle/price",
    "/packageDetails/servicePackages/*/packageBundleId",
    "/packageDetails/servicePackages/*/adjustedPrices/*/priceModel",
    "/packageDetails/servicePackages/*/adjustedPrices/*/price",
    "/packageDetails/servicePackages/*/processorParameters/processor",
    "/packageDetails/servicePackages/*/processorParameters/tidList/*",
    "/packageDetails/servicePackages/*/additionalPackageData/*/variableName",
    "/packageDetails/servicePackages/*/threeDSMerchantIdentifiers/paymentType",
    "/packageDetails/deliveryPackage/packageBundleId",
    "/packageDetails/deliveryPackage/adjustedPrices/*/priceModel",
    "/packageDetails/deliveryPackage/adjustedPrices/*/price",
    "/packageDetails/deliveryPackage/additionalPackageData/*/variableName",
    "/merchant/requestedDateOfShipment",
    "/merchant/mcc",
    "/merchant/siteReferenceId",
    "/merchant/openingHours/*/day",
    "/merchant/openingHours/*/times/start",
    "/merchant/openingHours/*/times/end",
    "/merchant/pois/*/devicePackage/packageBundleId",
    "/merchant/pois/*/devicePackage/quantity",
    "/merchant/pois/*/devicePackage/serialNumbers/*",
    "/merchant/pois/*/devicePackage/additionalPackageData/*/variableName",
    "/merchant/pois/*/additionalDevicePackages/*/packageBundleId",
    "/merchant/pois/*/additionalDevicePackages/*/quantity",
    "/merchant/pois/*/additionalDevicePackages/*/serialNumbers/*",
    "/merchant/pois/*/additionalDevicePackages/*/additionalPackageData/*/variableName",
    "/internal/extendedDetails/lastChangeTime",
    "/internal/extendedDetails/canCancel",
    "/internal/extendedDetails/status",
    "/internal/extendedDetails/code",
    "/internal/extendedDetails/personalDataErased",
    "/internal/cancellationHistory/*/cancelReasonEnum",
    "/internal/cancellationHistory/*/cancelledBy",
    "/internal/cancellationHistory/*/cancelledDate",
    "/internal/cancellationHistory/*/cancelledUserUid",
    "/internal/oracleOrderNumber",
    "/internal/derivedFields/*/pointer",
    "/internal/derivedFields/*/value",  # unless the pointer beside it says that it is erased
    "/internal/derivedFields/*/origin",
    "/internal/derivedFields/*/portfolioUid",
    "/internal/derivedFields/*/version",
    "/internal/derivedFields/*/rule",
)
DERIVED_FIELDS = "/internal/derivedFields"
_Kept = Mapping[str, Any]
_NOTHING = object()


def _tree() -> _Kept:
    root: dict[str, Any] = {}
    for pointer in KEPT:
        node = root
        for step in pointer.split("/")[1:]:
            node = node.setdefault(step, {})
    return root


_TREE = _tree()


def erased(order: Order) -> Order:
    """The order without what is about a person. Only its content changes: no version, no event, no marker."""
    body = without(order.body)
    return order._replace(
        sent=canonical.text(without(orjson.loads(order.sent))),
        body=body,
        derived=None
        if order.derived is None
        else tuple(
            field._replace(value=value)
            for field in order.derived
            if (value := _value_at(field.pointer, field.value)) is not _NOTHING
        ),
        information=None,
        cancellations=tuple(_value_at("/internal/cancellationHistory", list(order.cancellations))),
        tracking_reference=None,
    )


def without(shown: Mapping[str, Any]) -> dict[str, Any]:
    """An order's body, or the order as `view.as_json` shows it, without what is about a person.

    An object of which nothing stays is there, empty: the changes of later events may lead into it.
    """
    kept: dict[str, Any] = _pruned(shown, _TREE)
    derived = kept.get("internal", {}).get("derivedFields")
    if derived is not None:
        kept["internal"]["derivedFields"] = _derived(derived)
    return kept


def without_in_data(data: Mapping[str, Any]) -> dict[str, Any]:
    """The `data` of an event (`events.record`) without what is about a person, marked by `erased`.

    A change of which neither value stays is gone, so that the changes still lead from one version to the next.
    """
    changes = [change for row in data["changes"] if (change := _change(row)) is not None]
    return {**data, "changes": changes, "order": without(data["order"]), "erased": True}


def _change(row: Mapping[str, Any]) -> dict[str, Any] | None:
    values = {name: _value_at(row["pointer"], row[name]) for name in ("old", "new") if name in row}
    kept = {name: value for name, value in values.items() if value is not _NOTHING}
    return {"pointer": row["pointer"], **kept} if kept else None


def _value_at(pointer: str, value: Any) -> Any:
    """What stays of a value that stands at this pointer of the order."""
    if pointer == DERIVED_FIELDS:
        return _derived(value)
    kept: _Kept | None = _TREE
    for step in pointer.split("/")[1:]:
        if kept is None:
            break
        kept = kept.get("*" if "*" in kept else step)
    return _NOTHING if kept is None else _pruned(value, kept)


def _derived(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    values = [(row, _value_at(row["pointer"], row["value"])) for row in rows]
    return [{**row, "value": value} for row, value in values if value is not _NOTHING]


def _pruned(value: Any, kept: _Kept) -> Any:
    if not kept:
        return value
    if isinstance(value, Mapping):
        members = {name: _pruned(member, kept[name]) for name, member in value.items() if name in kept}
        return {name: member for name, member in members.items() if member is not _NOTHING}
    if isinstance(value, list) and "*" in kept:
        return [item for each in value if (item := _pruned(each, kept["*"])) is not _NOTHING]
    return _NOTHING


def held(shown: Mapping[str, Any]) -> dict[str, Any]:
    """What an erasure takes out of an order as it is shown: values by the pointers of `ERASED` at which they stand."""
    found: dict[str, Any] = {}
    for pointer in ERASED:
        values = _found(shown, pointer.split("/")[1:])
        if values:
            found[pointer] = values if "*" in pointer else values[0]
    return found


def _found(value: Any, steps: list[str]) -> list[Any]:
    if not steps:
        return [value]
    if isinstance(value, list):
        return [found for item in value for found in _found(item, steps[1:])] if steps[0] == "*" else []
    return _found(value[steps[0]], steps[1:]) if isinstance(value, Mapping) and steps[0] in value else []
