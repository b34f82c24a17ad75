"""What a client is told of a field at fault: pydantic's findings in our own words, never the value that was sent."""

import re
from typing import Any

from pydantic_core import ErrorDetails

from hardware_orders.contract import scalars

# As many allowed values as a reader takes in at a glance; the published schema lists them all.
MOST_VALUES_NAMED = 10

_EMAIL = ("bad_email", "must be an e-mail address, such as ada@example.com")
# pydantic's error type → our code, and what follows the field's name. Braces are filled from pydantic's context.
_SENTENCES = {
    "missing": ("required", "is required"),
    "extra_forbidden": ("unknown_field", "is not a field of this object; correct its spelling or remove it"),
    # JSON has no such keys; a portfolio written in YAML may.
    "invalid_key": ("unknown_field", "is not a field of this object; correct its spelling or remove it"),
    "model_type": ("wrong_type", "must be a JSON object"),
    "list_type": ("wrong_type", "must be a JSON array"),
    "string_type": ("wrong_type", "must be a string"),
    "int_type": ("wrong_type", "must be a whole number, without quotes"),
    "bool_type": ("wrong_type", "must be true or false, without quotes"),
    "string_unicode": ("bad_characters", "must not contain half of a surrogate pair (U+D800 to U+DFFF); remove it"),
    "string_too_short": ("too_short", "must have at least {min_length} characters"),
    "string_too_long": ("too_long", "must have at most {max_length} characters"),
    "too_long": ("too_many", "must have at most {max_length} items"),
    "greater_than_equal": ("too_small", "must be at least {ge}"),
    "less_than_equal": ("too_large", "must be at most {le}"),
    "enum": ("not_allowed", "must be one of {allowed}"),
    "literal_error": ("not_a_country", "must be a country as an ISO 3166-1 alpha-3 code, such as FRA"),
    "date_time": ("bad_date_time", "must be an instant that exists in the calendar, such as 2026-11-23T09:00:00Z"),
    "date_time_range": (
        "date_time_out_of_range",
        f"must lie in the years {scalars.FIRST_YEAR} to {scalars.LAST_YEAR} (UTC)",
    ),
    "email": _EMAIL,
    "too_many_faults": ("too_many_errors", "has too many errors to list; compare it with the published schema"),
    "not_unique": ("not_unique", "must not hold the same item twice; remove the repeats"),
}
_NULL = ("null", "must not be null; send a value, or leave the field out if it is optional")
_EMPTY = ("empty", "must not be empty")
_OTHER = ("invalid", "is not what the contract allows; compare it with the published schema")

_ONE_LINE = "must be one line without control characters or characters that turn its direction; remove them"
_PATTERN_SENTENCES = {
    scalars.TEXT_PATTERN: ("bad_characters", "must not contain the NUL character (U+0000); remove it"),
    scalars.NOT_BLANK_PATTERN: ("blank", "must not be blank, nor contain the NUL character (U+0000)"),
    scalars.NAME_PATTERN: ("bad_characters", _ONE_LINE),
    scalars.NOT_BLANK_NAME_PATTERN: ("blank", f"must not be blank, and {_ONE_LINE}"),
    scalars.EMPTY_OR_NOT_BLANK_PATTERN: (
        "blank",
        "must be empty or hold more than spaces, without the NUL character (U+0000)",
    ),
    scalars.UUID_PATTERN: (
        "bad_uuid",
        "must be a UUID in canonical form: lower case with hyphens, such as 5b0e1f5c-5d0e-4c86-9a4b-0f4e4b7f9d11",
    ),
    scalars.DATE_TIME_PATTERN: (
        "bad_date_time",
        "must be an RFC 3339 date-time with a zone, such as 2026-11-23T09:00:00Z or 2026-11-23T10:00:00+01:00",
    ),
    scalars.EMAIL_PATTERN: _EMAIL,
    scalars.AMOUNT_PATTERN: ("bad_amount", 'must be an amount as text: digits and one decimal point, such as "12.50"'),
    scalars.WORD_PATTERN: ("bad_characters", "must hold only letters A-Z and a-z, digits, hyphens and underscores"),
    scalars.MERCHANT_CATEGORY_PATTERN: ("bad_mcc", 'must be four digits (ISO 18245), such as "5812"'),
    scalars.URL_PATTERN: ("bad_url", "must begin with https:// and hold visible ASCII characters only"),
    scalars.TIME_OF_DAY_PATTERN: ("bad_time", 'must be hours and minutes as HH:MM, such as "09:30"'),
}


def code_and_predicate(fault: ErrorDetails) -> tuple[str, str]:
    """Give the stable code of a fault, and the end of the sentence that begins with the field's name."""
    if fault["input"] is None and fault["loc"] and fault["type"] not in {"extra_forbidden", "invalid_key"}:
        return _NULL
    context = fault.get("ctx", {})
    if fault["type"] == "string_pattern_mismatch":
        return _PATTERN_SENTENCES.get(context["pattern"], _OTHER)
    if context.get("min_length") == 1:  # of a string or an array
        return _EMPTY
    code, predicate = _SENTENCES.get(fault["type"], _OTHER)
    return code, predicate.format(allowed=_allowed(context), **context)


def _allowed(context: dict[str, Any]) -> str:
    """Name the values that an `enum` fault expected, as pydantic quotes them: 'A', 'B' or 'C'."""
    values = re.findall("'([^']*)'", context.get("expected", ""))
    named = ", ".join(values[:MOST_VALUES_NAMED])
    return f"{named}, …" if len(values) > MOST_VALUES_NAMED else named
