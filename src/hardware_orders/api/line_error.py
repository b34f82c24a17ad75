"""What is wrong with a line of a batch, in the words that a request with its order alone would have been answered with."""

import re
from dataclasses import asdict
from typing import Any

from hardware_orders.api.problems import Problem
from hardware_orders.contract.body import FieldError
from hardware_orders.errors import HardwareOrdersError


def of(index: int, refusal: Problem | HardwareOrdersError) -> dict[str, Any]:
    """What is wrong with the line, as its item tells it: the line's number, counted from 1, and the fields at fault."""
    match refusal:
        case Problem(errors=[_, *_]):
            faults = list(refusal.errors)
        case Problem():
            faults = [FieldError(refusal.param or "", "forbidden", refusal.detail)]
        case _:
            faults = [FieldError("idempotencyKey", "key_reused", str(refusal))]
    told = [{**asdict(fault), "message": _of_a_line(fault.message)} for fault in faults]
    return {"line": index + 1, **told[0], "errors": told}


def _of_a_line(message: str) -> str:
    """What a request's body is, a line is here."""
    return re.sub(r"^The body\b", "The line", message)
