"""The query string, strictly: each parameter known, sent once, and checked as the same value in a body would be."""

from collections.abc import Collection
from enum import StrEnum
from typing import Annotated, Any, TypeVar
from urllib.parse import parse_qsl

from fastapi import Request
from pydantic import TypeAdapter, ValidationError

from hardware_orders import instants
from hardware_orders.api.problems import Problem, invalid_field
from hardware_orders.contract import scalars
from hardware_orders.contract.body import cleaned
from hardware_orders.contract.messages import code_and_predicate

LIST_MOST_VALUES = 100
# Every parameter of the largest operation as a full list, and to spare.
FIELDS_MOST = 1_000
DIGITS_MOST = 19  # of a 64-bit number

_UUID: TypeAdapter[str] = TypeAdapter(scalars.Uuid)
_INSTANT: TypeAdapter[str] = TypeAdapter(scalars.Instant)

Word = TypeVar("Word", bound=StrEnum)


class Query:
    """A request's parameters. Every reading raises Problem 400 that names the parameter at fault."""

    def __init__(self, request: Request, names: Collection[str]) -> None:
        """Raises Problem 400 for a parameter that is none of these names."""
        self._values: dict[str, list[str]] = {}
        for name, value in _fields(request.scope["query_string"]):
            if name not in names:
                raise _unknown(name, names)
            self._values.setdefault(name, []).append(value)

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def text(self, name: str, most: int, pattern: str = scalars.TEXT_PATTERN) -> str | None:
        """One text of 1 to `most` characters."""
        text = self._one(name)
        if text is None:
            return None
        value: str = _checked(TypeAdapter(Annotated[str, scalars.text(1, most, pattern)]), name, text)
        return value

    def word(self, name: str, words: type[Word]) -> Word | None:
        """One of the words of an enumeration."""
        text = self._one(name)
        if text is None:
            return None
        word: Word = _checked(TypeAdapter(words), name, text)
        return word

    def number(self, name: str, default: int, least: int, most: int) -> int:
        """One whole number of decimal digits."""
        text = self._one(name)
        if text is None:
            return default
        if not (text.isascii() and text.isdigit() and len(text) <= DIGITS_MOST and least <= int(text) <= most):
            raise invalid_field(name, "bad_number", f"must be one whole number from {least} to {most}")
        return int(text)

    def instant(self, name: str) -> Any:
        """One RFC 3339 instant with a zone, as an aware datetime."""
        text = self._one(name)
        if text is None:
            return None
        if " " in text:  # what an unescaped + has become
            raise invalid_field(name, "bad_date_time", "must be an RFC 3339 date-time; in a query, + is written %2B")
        return instants.parse(_checked(_INSTANT, name, text))

    def uuid(self, name: str) -> str | None:
        """One UUID in canonical form."""
        text = self._one(name)
        return None if text is None else str(_checked(_UUID, name, text))

    def uuids(self, name: str) -> tuple[str, ...] | None:
        """UUIDs, separated by commas or each in a parameter of its own; sorted, without repeats."""
        if name not in self._values:
            return None
        texts = [text for value in self._values[name] for text in value.split(",")]
        if len(texts) > LIST_MOST_VALUES:
            raise invalid_field(name, "too_many", f"must hold at most {LIST_MOST_VALUES} values")
        return tuple(sorted({str(_checked(_UUID, name, text)) for text in texts}))

    def words(self, name: str, words: type[Word], *, prefix: str = "") -> frozenset[Word] | None:
        """Words of an enumeration, separated by commas or each in a parameter of its own; `prefix` may precede each."""
        if name not in self._values:
            return None
        texts = {text.removeprefix(prefix) for value in self._values[name] for text in value.split(",")}
        return frozenset(_checked(TypeAdapter(words), name, text) for text in sorted(texts))

    def _one(self, name: str) -> str | None:
        values = self._values.get(name, [None])
        if len(values) > 1:
            raise invalid_field(name, "parameter_repeated", "must be sent once")
        return values[0]


def _fields(raw: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            raw.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=FIELDS_MOST,
        )
    except ValueError:
        raise Problem(
            400,
            f"The query must be at most {FIELDS_MOST} parameters `name=value`, joined by & and percent-encoded UTF-8.",
        ) from None


def _unknown(name: str, names: Collection[str]) -> Problem:
    known = ", ".join(names)
    remedy = (
        f"is not a parameter of this operation; remove it. It takes {known}"
        if known
        else "must be removed: none is taken"
    )
    return invalid_field(cleaned(name), "unknown_parameter", remedy)


def _checked(adapter: TypeAdapter[Any], name: str, text: str) -> Any:
    try:
        return adapter.validate_python(text)
    except ValidationError as error:
        raise invalid_field(name, *code_and_predicate(error.errors(include_url=False)[0])) from None
