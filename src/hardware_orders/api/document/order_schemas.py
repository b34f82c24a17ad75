"""The schemas of an order as it is answered (`orders/view.py`)."""

from collections.abc import Mapping

from hardware_orders.api.document import reference
from hardware_orders.api.document.objects import (
    Schema,
    an_object,
    anything,
    array,
    instant,
    one_of,
    text,
    uuid,
    whole_number,
)
from hardware_orders.contract.body import EACH_ORDERS_OWN
from hardware_orders.orders.status import Code
from hardware_orders.orders.view import ORDER_TYPE

ORIGINS = ["override", "default", "computed", "copy", "schema"]


def schemas(body: Mapping[str, Schema]) -> dict[str, Schema]:
    """By name; `body` are the members that an order has of its client."""
    return {
        "Order": _order(body),
        "OrderPage": _page(),
        "OrderPreview": _preview(),
        **_internal(),
        **_rows(),
    }


def _order(body: Mapping[str, Schema]) -> Schema:
    return an_object(
        "An order as it stands: what the client sent, what was derived, and what the service adds.",
        {
            **{name: body[name] for name in EACH_ORDERS_OWN},
            "orderId": uuid("The order's id, given by the service."),
            "status": reference.schema("OrderStatusEnum"),
            "orderType": text("The kind of order; this service takes no others.", const=ORDER_TYPE),
            "createdBy": text("Who made the order, by name."),
            "createdDate": instant("When the order was stored."),
            "modifiedBy": text("Who changed the order last, by name."),
            "modifiedDate": instant("When the order changed last."),
            "internal": reference.schema("OrderInternal"),
        },
        {
            **{name: member for name, member in body.items() if name not in EACH_ORDERS_OWN},
            "createdUserUid": text("The `sub` of the token that made the order."),
            "modifiedUserUid": text("The `sub` of the token that changed it last; absent where the service did."),
        },
    )


def _page() -> Schema:
    return an_object(
        "Orders that a search found.",
        {
            "items": array("Their order is the search's.", reference.schema("Order")),
            "nextCursor": {
                "type": ["string", "null"],
                "description": "What to send as `cursor` to go on from here; null on the last page.",
            },
        },
        {
            "pageNumber": whole_number("This page's number.", 1),
            "pageSize": whole_number("Orders on a page.", 1),
            "totalPages": whole_number("How many pages there are."),
            "totalItems": whole_number("How many orders there are."),
            "totalItemsIsLowerBound": {
                "type": "boolean",
                "description": "True when there are more than were counted.",
            },
        },
    )


def _preview() -> Schema:
    return an_object(
        "An order as its customer's portfolio would complete it now. It has not been stored.",
        {
            "order": one_of("PartialHardwareOrder", "The completed order; where nothing is missing, a complete one."),
            "derivedFields": array("What was not sent, each value with its origin.", reference.schema("DerivedField")),
            "missing": array(
                "Where required fields stand that are neither sent nor derived (RFC 6901). A name that additionalOrderData "
                "lacks is written `/additionalOrderData/<variableName>`.",
                text("A pointer.", format="json-pointer"),
            ),
        },
    )


def _internal() -> dict[str, Schema]:
    codes = ", ".join(Code)
    return {
        "OrderInternal": an_object(
            "How an order came to be as it is. Read only.",
            {
                "extendedDetails": reference.schema("ExtendedDetails"),
                "cancellationHistory": array("Its cancellations.", reference.schema("Cancellation")),
            },
            {
                "orderStats": reference.schema("OrderStats"),
                "processing": reference.schema("Processing"),
                "oracleShippingTrackingReference": text("The carrier's reference, once fulfilment has reported it."),
                "oracleOrderNumber": whole_number("Fulfilment's own number of the order, once it was reported.", 1),
                "derivedFields": array(
                    "What the client did not send, each value with its origin; only under the simplified flow.",
                    reference.schema("DerivedField"),
                ),
                "portfolioChanges": array(
                    "What stopped the draft's submission (PORTFOLIO_CHANGED); gone with the next change of the order.",
                    reference.schema("PortfolioChange"),
                    minItems=1,
                ),
            },
        ),
        "ExtendedDetails": an_object(
            "The status in detail.",
            {
                "lastChangeTime": instant("When status, detailed status or code changed last."),
                "canCancel": {"type": "boolean", "description": "Whether the order can be cancelled now."},
            },
            {
                "status": one_of("DetailedStatusEnum", "Absent while the order is RECEIVED."),
                "code": text(f"Why it stands where it stands: {codes}.", examples=[str(Code.MISSING_FIELDS)]),
                "information": text("The same for a person to read."),
                "personalDataErased": instant("When what was about a person was erased; absent where nothing was."),
            },
        ),
        "Processing": an_object(
            "How far an order has come that waits to be settled; absent from all others, and from events.",
            {
                "waitingSince": instant("When it was asked for what it waits for."),
                "attempts": whole_number("How often it has been tried: runs that did not end, and lookups in vain."),
                "nextAttempt": instant("When it has its next turn."),
            },
            {
                "position": whole_number(
                    "Its place in the line, an estimate; 10,001 stands for any behind ten thousand. In lists absent.", 1
                ),
                "stalledAt": instant("When `order.stalled` told that it waits for too long."),
            },
        ),
        "OrderStats": an_object(
            "Whole minutes.",
            {
                "minsSinceCreatedToLastUpdate": whole_number("From the order's making to its last change."),
                "minsSinceLastStatusUpdate": whole_number("From the last change of its status until now."),
            },
        ),
    }


def _rows() -> dict[str, Schema]:
    return {
        "Cancellation": an_object(
            "Who cancelled the order, and why.",
            {
                "cancelReasonEnum": reference.schema("CancelReasonEnum"),
                "cancelledBy": text("Who, by name."),
                "cancelledDate": instant("When."),
            },
            {
                "cancelAdditionalReason": text("The reason in the client's words."),
                "cancelledUserUid": text("The `sub` of the token that cancelled it."),
            },
        ),
        "DerivedField": an_object(
            "A value that the client did not send.",
            {
                "pointer": text("Where it stands in the order (RFC 6901).", format="json-pointer"),
                "value": anything("The value; an array is one value."),
                "origin": text("Where it comes from.", enum=ORIGINS),
                "portfolioUid": uuid("The portfolio that was applied."),
                "version": whole_number("The version of that portfolio."),
                "rule": text("The rule that gave it, for a person to read."),
            },
        ),
        "PortfolioChange": an_object(
            "A value that a newer portfolio would derive differently.",
            {"pointer": text("Where it stands in the order (RFC 6901).", format="json-pointer")},
            {
                "old": anything("The value that the draft shows; absent when it has none that was derived."),
                "new": anything("The value that would be derived; absent when there would be none."),
            },
        ),
    }
