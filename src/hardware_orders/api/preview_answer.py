"""What a preview answers: the completed order, or why no portfolio completes it. The document's examples are made so too."""

from typing import Any

from hardware_orders.api.problems import Problem
from hardware_orders.contract.body import FieldError
from hardware_orders.orders.choice import CANNOT_DERIVE
from hardware_orders.orders.defaults import Derivation
from hardware_orders.orders.status import Code

# For each code the field at fault, if there is one, and what is to be done.
_REMEDIES = {
    Code.UNKNOWN_CUSTOMER: ("customerEntityUid", "Check the uid, or have a portfolio made for the customer."),
    Code.UNKNOWN_PORTFOLIO: (
        "packageDetails.portfolioUid",
        "Name one that is, or leave it out for the customer's default one.",
    ),
    Code.PORTFOLIO_NOT_CONFIGURED: ("", "Send orders complete, without the simplified flow."),
}


def of(derivation: Derivation) -> dict[str, Any]:
    return {
        "order": derivation.body,
        "derivedFields": [row.as_json() for row in derivation.derived],
        "missing": derivation.missing,
    }


def not_derivable(code: Code) -> Problem:
    """409 for an order that would be parked with this code."""
    param, remedy = _REMEDIES[code]
    sentence = f"{CANNOT_DERIVE[code]} {remedy}"
    return Problem(409, sentence, [FieldError(param, code.lower(), sentence)])
