"""How an order is shown: the client's body, what the service adds, and `internal`. The shape of answers and events."""

from typing import Any

from hardware_orders import instants
from hardware_orders.orders.order import Order

ORDER_TYPE = "HardwareOrder"

# Members that the service writes. A client may send them back with a PUT; it cannot set them.
READ_ONLY_MEMBERS = (
    "orderId",
    "status",
    "orderType",
    "createdUserUid",
    "createdBy",
    "createdDate",
    "modifiedUserUid",
    "modifiedBy",
    "modifiedDate",
)


def as_json(order: Order) -> dict[str, Any]:
    """The order as it stands, as plain JSON values. Absent members are left out, never null."""
    shown = {
        **order.body,
        "orderId": order.order_id,
        "status": order.status.value,
        "orderType": ORDER_TYPE,
        "createdBy": order.created.name,
        "createdDate": instants.text(order.created_date),
        "modifiedBy": order.modified.name,
        "modifiedDate": instants.text(order.modified_date),
        "internal": _internal(order),
    }
    if order.created.uid is not None:
        shown["createdUserUid"] = order.created.uid
    if order.modified.uid is not None:
        shown["modifiedUserUid"] = order.modified.uid
    return shown


def _internal(order: Order) -> dict[str, Any]:
    details: dict[str, Any] = {
        "lastChangeTime": instants.text(order.status_changed_at),
        "canCancel": order.can_cancel,
    }
    if order.detailed_status is not None:
        details["status"] = order.detailed_status.value
    if order.code is not None:
        details["code"] = order.code
    if order.information is not None:
        details["information"] = order.information
    if order.erased_at is not None:
        details["personalDataErased"] = instants.text(order.erased_at)
    internal: dict[str, Any] = {"extendedDetails": details, "cancellationHistory": list(order.cancellations)}
    if order.derived is not None:
        internal["derivedFields"] = [field.as_json() for field in order.derived]
    if order.portfolio_changes:
        internal["portfolioChanges"] = list(order.portfolio_changes)
    # The vendor's names for what its fulfilment gives back.
    if order.tracking_reference is not None:
        internal["oracleShippingTrackingReference"] = order.tracking_reference
    if order.order_number is not None:
        internal["oracleOrderNumber"] = order.order_number
    return internal
