"""The text, numbers and instants that an order is made of, each with its limit. Bodies are built of these.

Where the vendor's page gives a limit it is the vendor's; where it gives none, ours is generous and has its reason
beside it. Every string refuses NUL, because PostgreSQL can store it neither in text nor in jsonb.
"""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    StringConstraints,
    WithJsonSchema,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from hardware_orders import canonical, identifiers

# Ours: as long as an indexed reference gets in the systems that clients copy it from.
MAX_REFERENCE = 255
# Ours: several pages of text, and still small beside the largest body that is read.
MAX_NOTES = 10_000
# Ours: any name, number or remark that the contract leaves open; far above what a label or a form can hold.
MAX_FREE_TEXT = 1_000
# Ours: more devices of one kind than any single order ships; a slip of the keyboard is above it.
MAX_QUANTITY = 100_000
# Ours: as many as the contract allows terminals in one order.
MAX_SERIAL_NUMBERS = 1_000
# Ours: ten terminal ids for each of the thousand terminals that one order may hold.
MAX_TERMINAL_IDS = 10_000
# Ours: any code or abbreviation; the column has as many.
MAX_CODE = 64
# RFC 7493: above it, readers that keep numbers as floating point would see another number.
MAX_EXACT_INTEGER = 2**53 - 1
# Ours: a person with more telephone numbers than this is a list that was put into the wrong field.
MAX_PHONE_NUMBERS = 20
# Ours: seven days with a dozen periods each.
MAX_OPENING_HOURS = 84
# Ours: outside these years a date is a mistake, and every store and every client's library can hold what is inside.
FIRST_YEAR, LAST_YEAR = 2000, 2199

TEXT_PATTERN = r"^[^\u0000]*$"
NOT_BLANK_PATTERN = r"^[^\u0000]*[^\s\u0000][^\u0000]*$"
# Of a person, a company or a place: one line on a label, which neither controls a printer nor turns the text around it.
# Controls (C0, C1), line and paragraph separators, and Unicode's embeddings, overrides and isolates of
# direction (UAX 9).
_NAME_CHARACTER = r"[^\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]"
NAME_PATTERN = rf"^{_NAME_CHARACTER}*$"
NOT_BLANK_NAME_PATTERN = (
    rf"^{_NAME_CHARACTER}*[^\s\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]{_NAME_CHARACTER}*$"
)
EMPTY_OR_NOT_BLANK_PATTERN = rf"^$|{NOT_BLANK_PATTERN}"
UUID_PATTERN = f"^{identifiers.UUID_PATTERN}$"
# RFC 3339 with a zone; the calendar is checked afterwards. Nine digits are nanoseconds, the finest that clients print.
DATE_TIME_PATTERN = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?"
    r"([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
)
# What the vendor's pattern and its `format: email` (RFC 5321, without quotes) both take.
_EMAIL_ATOM = r"[a-zA-Z0-9!#$%&'*+=?^_`{|}~-]+"
_EMAIL_LABEL = "[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
EMAIL_PATTERN = rf"^{_EMAIL_ATOM}(\.{_EMAIL_ATOM})*@({_EMAIL_LABEL}\.)+{_EMAIL_LABEL}$"
# RFC 5321; a pattern could say it only with a look ahead, which the engine that checks patterns does not have.
MAX_EMAIL_LOCAL_PART = 64
AMOUNT_PATTERN = r"^((-?[0-9]+)|(-?([0-9]+)?[.][0-9]+))$"
WORD_PATTERN = "^[A-Za-z0-9_-]*$"
MERCHANT_CATEGORY_PATTERN = "^[0-9]{4,4}$"
URL_PATTERN = "^https?://[!-~]+$"
TIME_OF_DAY_PATTERN = "^[0-9]{2}:[0-9]{2}$"


def _check_instant(value: str) -> str:
    """Refuse what no calendar has (30 February) and years outside `FIRST_YEAR` to `LAST_YEAR`, counted in UTC."""
    try:
        year = datetime.fromisoformat(value.upper()).astimezone(UTC).year
    except ValueError as error:
        raise PydanticCustomError("date_time", "no such instant") from error
    except OverflowError as error:
        raise PydanticCustomError("date_time_range", "outside the calendar") from error
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise PydanticCustomError("date_time_range", "outside the years taken")
    return value


def _check_local_part(value: str) -> str:
    if value.index("@") > MAX_EMAIL_LOCAL_PART:
        raise PydanticCustomError("email", "what stands before the @ is too long")
    return value


class UniqueItems:
    """Annotates an array whose items must differ: JSON Schema's `uniqueItems`."""

    @staticmethod
    def __get_pydantic_core_schema__(source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Compare the items as they were sent, whatever else is wrong with them; on error the type is `not_unique`."""
        return core_schema.no_info_before_validator_function(_refuse_repeats, handler(source))

    @staticmethod
    def __get_pydantic_json_schema__(schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Publish the rule."""
        return {**handler(schema), "uniqueItems": True}


def _refuse_repeats(items: Any) -> Any:
    # What is no list, or longer than any may be, is refused by the check that follows.
    if isinstance(items, list) and 1 < len(items) <= MAX_TERMINAL_IDS and _has_repeats(items):
        raise PydanticCustomError("not_unique", "an item stands twice")
    return items


def _has_repeats(items: list[Any]) -> bool:
    try:
        return len({canonical.text(item) for item in items}) != len(items)
    except TypeError:
        return False  # an item has no canonical form, such as half of a surrogate pair, and is refused for that


def text(min_length: int = 0, max_length: int = MAX_FREE_TEXT, pattern: str = TEXT_PATTERN) -> StringConstraints:
    """Limits of a string, in characters (code points)."""
    return StringConstraints(min_length=min_length or None, max_length=max_length, pattern=pattern)


Uuid = Annotated[str, StringConstraints(pattern=UUID_PATTERN), Field(json_schema_extra={"format": "uuid"})]
Instant = Annotated[
    str,
    StringConstraints(pattern=DATE_TIME_PATTERN),
    AfterValidator(_check_instant),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
Email = Annotated[
    str,
    text(3, 254, EMAIL_PATTERN),
    AfterValidator(_check_local_part),
    Field(json_schema_extra={"format": "email"}),
]
Amount = Annotated[str, text(0, 32, AMOUNT_PATTERN)]
PackageBundleId = Annotated[str, text(0, 100, WORD_PATTERN)]
TimeOfDay = Annotated[str, StringConstraints(pattern=TIME_OF_DAY_PATTERN)]
Quantity = Annotated[int, Field(ge=1, le=MAX_QUANTITY)]
