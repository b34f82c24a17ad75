"""The table of `status` as integrators read it: each status with its meaning, each move, and what never occurs here."""

from functools import cache
from typing import Any

from hardware_orders.contract.enums import Status
from hardware_orders.orders import status
from hardware_orders.orders.status import CANCELLABLE, EDITABLE, FINAL, NOT_OURS, TRANSITIONS, Act, State

# The vendor's page names the statuses and leaves their meanings open: these are what the table makes of the names.
STATUS_MEANINGS = {
    Status.RECEIVED: "Accepted and stored; nothing is decided yet.",
    Status.DRAFT: "Kept for its caller to change, submit or discard.",
    Status.ONHOLD: "Stands still until somebody acts: its caller before submission, fulfilment after.",
    Status.SUBMITTED: "Complete and handed to fulfilment, which has not begun with it.",
    Status.INPROGRESS: "Fulfilment works on it.",
    Status.COMPLETED: "Delivered: the end of its life.",
    Status.CANCELLED: "Ended without delivery.",
}
STATE_MEANINGS = {
    status.RECEIVED: "Waits to be completed.",
    status.DRAFT: "A draft; a code says why it cannot be submitted as it is.",
    status.PARKED: "Set aside before submission because it cannot be completed as it is; the code says why.",
    status.SUBMITTED: "Waits for fulfilment to begin.",
    State.of("INPROGRESS", None): "Taken on by fulfilment.",
    State.of("INPROGRESS", "UNDER_REVIEW"): "A person at fulfilment checks it.",
    State.of(
        "INPROGRESS", "INTERNAL_BOARDING"
    ): "The merchant and its terminals are set up in fulfilment's own systems.",
    State.of("INPROGRESS", "PENDING_THIRD_PARTY"): "Waits for somebody outside, such as an acquirer.",
    State.of("INPROGRESS", "PENDING_SIGNATURE"): "Waits for a signature.",
    status.BOOKED: "Booked with the warehouse.",
    status.PICKED: "Picked and packed.",
    status.SHIPPED: "On its way.",
    State.of("ONHOLD", None): "Held by fulfilment; code and information may say why.",
    State.of("ONHOLD", "DOCS_REQUIRED"): "Fulfilment needs documents.",
    State.of(
        "ONHOLD", "DOCS_REQUIRES_ATTENTION"
    ): "The documents that fulfilment got need to be looked at or sent again.",
    status.CANCEL_REQUESTED: "Its caller asked to cancel it; fulfilment has not answered yet.",
    status.CANCEL_INPROGRESS: "Fulfilment is cancelling it.",
    status.CANCEL_ERROR: "It could not be cancelled; fulfilment goes on with it, and the caller may ask again.",
    status.COMPLETED: "Delivered.",
    status.CANCELLED: "Cancelled by fulfilment, of its own accord or because the caller asked.",
    status.DECLINED: "Fulfilment does not take it on.",
    status.CANCELED_BYUSER: "Cancelled by its caller before fulfilment began, or discarded.",
}
ACT_MEANINGS = {
    Act.RECEIVE: "A caller sends a new order.",
    Act.SETTLE: "The service completes an order that waits, and saves it as a draft, submits it, or sets it aside.",
    Act.REPLACE: "A caller replaces an order that has not been submitted.",
    Act.DISCARD: "A caller discards an order that has not been submitted: no read finds it, but its timeline stays.",
    Act.CANCEL: "A caller cancels an order, or asks fulfilment to.",
    Act.PARK: "The service gives up on an order that it tried in vain to complete.",
    Act.STALL: "The service tells, once an order, that it waits for longer than it should. It goes on waiting.",
    Act.PROGRESS: "Fulfilment reports where an order stands.",
    Act.ERASE: "An administrator has the personal data erased of an order that is over.",
}


@cache
def as_json() -> dict[str, Any]:
    """The table as plain JSON values; not to be changed. Where a state has no detailed status, the member is absent."""
    return {
        "statuses": [{"status": name.value, "meaning": meaning} for name, meaning in STATUS_MEANINGS.items()],
        "states": [
            {
                **_state(state),
                "meaning": meaning,
                "canCancel": state in CANCELLABLE,
                "isEditable": state in EDITABLE,
                "isFinal": state in FINAL,
            }
            for state, meaning in STATE_MEANINGS.items()
        ],
        "notOurs": [{"detailedStatus": name.value, "reason": reason} for name, reason in NOT_OURS.items()],
        "acts": [{"act": act.value, "meaning": meaning} for act, meaning in ACT_MEANINGS.items()],
        "transitions": [
            {
                "act": row.act.value,
                **({"from": _state(row.source)} if row.source else {}),
                "to": _state(row.target),
                "event": row.event.value,
            }
            for row in TRANSITIONS
        ],
    }


def _state(state: State) -> dict[str, str]:
    shown = {"status": state.status.value}
    return shown if state.detailed is None else {**shown, "detailedStatus": state.detailed.value}
