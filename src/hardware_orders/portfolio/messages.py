"""What is told about a portfolio at fault: which portfolio, which field, and how to mend it."""

from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from hardware_orders.contract.scalars import UUID_PATTERN

COUNTRY_PATTERN = "^[A-Z]{3}$"
CUT_OFF_PATTERN = "^([01][0-9]|2[0-3]):[0-5][0-9]$"

_SENTENCES = {
    "missing": "is required",
    "extra_forbidden": "is not a member of a portfolio file here; correct its spelling or remove it",
    "model_type": "must be an object",
    "dict_type": "must be an object",
    "list_type": "must be a list",
    "string_type": "must be text; put it in quotes",
    "int_type": "must be a whole number, without quotes",
    "bool_type": "must be true or false, without quotes",
}
_PATTERN_SENTENCES = {
    UUID_PATTERN: "must be a UUID in lower case with hyphens",
    COUNTRY_PATTERN: "must be a country as an ISO 3166-1 alpha-3 code, such as FRA",
    CUT_OFF_PATTERN: "must be a time of day as HH:MM, such as 15:00",
}


def first_fault(document: Any, error: ValidationError) -> str:
    """One sentence about the first fault of `{"portfolios": [...]}`."""
    fault = error.errors(include_url=False)[0]
    steps = fault["loc"]
    whose = ""
    if len(steps) > 1:  # portfolios, its index, and the way on from there
        index = int(steps[1])
        portfolio = document["portfolios"][index]
        name = portfolio.get("name") if isinstance(portfolio, dict) else None
        whose = f"portfolio {index + 1} ({name}), " if isinstance(name, str) else f"portfolio {index + 1}, "
        steps = steps[2:]
    field = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps if step != "[key]")
    return f"{whose}{field.removeprefix('.') or 'as a whole'}: {_predicate(fault).removesuffix('.')}."


def _predicate(fault: ErrorDetails) -> str:
    context = fault.get("ctx", {})
    if "error" in context:  # one of our own checks
        return str(context["error"])
    if fault["type"] == "string_pattern_mismatch":
        return _PATTERN_SENTENCES[context["pattern"]]
    return _SENTENCES.get(fault["type"], fault["msg"].replace(" should ", " must "))
