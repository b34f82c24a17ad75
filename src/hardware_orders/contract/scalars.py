"""The text, numbers and instants that an order is made of, each with its limit. The objects of the body are built of these.

Where the vendor's page gives a limit it is the vendor's; where it gives none, ours is generous and has its reason beside it.
Every string refuses NUL, because PostgreSQL can store it neither in text nor in jsonb.
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
# Ours: a person with more telephone numbers than this is a list that was put into the wrong field.
MAX_PHONE_NUMBERS = 20
# Ours: seven days with a dozen periods each.
MAX_OPENING_HOURS = 84
# Ours: outside these years a date is a mistake, and every store and every client's library can hold what is inside.
FIRST_YEAR, LAST_YEAR = 2000, 2199

TEXT_PATTERN = r"^[^\u0000]*$"
NOT_BLANK_PATTERN = r"^[^\u0000]*[^\s\u0000][^\u0000]*$"
EMPTY_OR_NOT_BLANK_PATTERN = rf"^$|{NOT_BLANK_PATTERN}"
# RFC 9562 writes UUIDs in lower case. One spelling only, so that equal ids are equal texts in keys, logs and searches.
UUID_PATTERN = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
# RFC 3339 with a zone; the calendar is checked afterwards. Nine digits are nanoseconds, the finest that clients print.
DATE_TIME_PATTERN = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?"
    r"([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
)
# The vendor's pattern, and after the first dot no spaces and no second "@", which the vendor's `format: email` excludes.
EMAIL_PATTERN = r"^[a-zA-Z0-9!#$%&'*+=?^_`{|}~.-]+@[a-zA-Z0-9-]+[.][^\s@\u0000]+$"
AMOUNT_PATTERN = r"^((-?[0-9]+)|(-?([0-9]+)?[.][0-9]+))$"
WORD_PATTERN = "^[A-Za-z0-9_-]*$"
MERCHANT_CATEGORY_PATTERN = "^[0-9]{4,4}$"
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


class UniqueItems:
    """Annotates an array whose items, all hashable, must differ: JSON Schema's `uniqueItems`."""

    @staticmethod
    def __get_pydantic_core_schema__(source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Compare after the items have been checked; on error the type is `not_unique`."""
        return core_schema.no_info_after_validator_function(_refuse_repeats, handler(source))

    @staticmethod
    def __get_pydantic_json_schema__(schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Publish the rule."""
        return {**handler(schema), "uniqueItems": True}


def _refuse_repeats(items: list[Any]) -> list[Any]:
    if len(set(items)) != len(items):
        raise PydanticCustomError("not_unique", "an item stands twice")
    return items


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
Email = Annotated[str, text(3, 254, EMAIL_PATTERN), Field(json_schema_extra={"format": "email"})]
Amount = Annotated[str, text(0, 32, AMOUNT_PATTERN)]
PackageBundleId = Annotated[str, text(0, 100, WORD_PATTERN)]
TimeOfDay = Annotated[str, StringConstraints(pattern=TIME_OF_DAY_PATTERN)]
Quantity = Annotated[int, Field(ge=1, le=MAX_QUANTITY)]
