"""The schemas of the table by which orders move (`orders/transitions.py`)."""

from hardware_orders.api.document import reference
from hardware_orders.api.document.objects import Schema, an_object, array, one_of, text, words
from hardware_orders.orders.status import Act


def schemas() -> dict[str, Schema]:
    status = one_of("OrderStatusEnum", "The status.")
    detailed = {"detailedStatus": one_of("DetailedStatusEnum", "Absent where a status has none.")}
    meaning = text("What it means.")
    return {
        "Transitions": an_object(
            "All statuses, and how an order moves between them.",
            {
                "statuses": array("Each status.", reference.schema("StatusMeaning")),
                "states": array("Each status with its detailed statuses.", reference.schema("StateMeaning")),
                "notOurs": array("The detailed statuses that never occur here.", reference.schema("NotOurs")),
                "acts": array("What is done to orders.", reference.schema("ActMeaning")),
                "transitions": array("Every move there is.", reference.schema("Transition")),
            },
        ),
        "ActEnum": words(Act, "What somebody does to an order."),
        "StatusMeaning": an_object("A status.", {"status": status, "meaning": meaning}),
        "State": an_object("A status with its detailed status.", {"status": status}, detailed),
        "StateMeaning": an_object(
            "A status with its detailed status, and what can be done with an order in it.",
            {
                "status": status,
                "meaning": meaning,
                "canCancel": {"type": "boolean", "description": "Whether its caller can cancel it."},
                "isEditable": {"type": "boolean", "description": "Whether its caller can replace or discard it."},
                "isFinal": {"type": "boolean", "description": "Whether it stays so for good."},
            },
            detailed,
        ),
        "NotOurs": an_object(
            "A detailed status that never occurs here.",
            {"detailedStatus": reference.schema("DetailedStatusEnum"), "reason": text("Why not.")},
        ),
        "ActMeaning": an_object("An act.", {"act": reference.schema("ActEnum"), "meaning": meaning}),
        "Transition": an_object(
            "One move.",
            {
                "act": reference.schema("ActEnum"),
                "to": one_of("State", "Where it leads."),
                "event": text("The event that tells it, without its prefix."),
            },
            {"from": one_of("State", "Where it begins; absent for a new order.")},
        ),
    }
