"""Files of many orders, as the lines of a batch: NDJSON as it is, CSV by columns that are named as the fields are."""

import csv
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hardware_orders.errors import WrongSettingError

NDJSON_SUFFIXES, CSV_SUFFIX = (".ndjson", ".jsonl"), ".csv"
# What a line may have besides its order.
OPTIONS = {"saveDraft": "boolean", "simplified": "boolean", "idempotencyKey": "string"}
# A column of a template for each field of the first of several objects; further ones are named [1], [2] and so on.
FIRST = "[0]"
# The contract's longest list.
INDEX_MOST = 1_000

_STEP = re.compile(r"(?P<name>\w+)(?:\[(?P<index>\d{1,4})\])?")
_BOOLEANS = {"true": True, "false": False}


def is_of_many(file: Path) -> bool:
    return file.suffix.lower() in (*NDJSON_SUFFIXES, CSV_SUFFIX)


def lines(file: Path) -> Iterator[bytes]:
    """The lines of a batch, one for each of the file's orders.

    Raises WrongSettingError for a file that cannot be read; what is wrong with an order is said by the service.
    """
    try:
        if file.suffix.lower() == CSV_SUFFIX:
            yield from _csv_lines(file)
        else:
            with file.open("rb") as opened:
                yield from opened
    except OSError as error:
        raise WrongSettingError(f"{file} cannot be read: {error.strerror}.") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise WrongSettingError(f"{file} must be CSV in UTF-8 ({error}).") from None


def columns() -> dict[str, str]:
    """The columns that a CSV file may have, with the JSON type of their cells."""
    from hardware_orders.contract.body import order_schema  # noqa: PLC0415 - `hardware-orders --help` needs no contract

    schema = order_schema()
    return {**OPTIONS, **dict(_leaves("", schema, schema["$defs"]))}


def _csv_lines(file: Path) -> Iterator[bytes]:
    types = columns()
    with file.open(encoding="utf-8-sig", newline="") as opened:
        rows = csv.DictReader(opened, strict=True)
        steps = {name: _steps(file, name, types) for name in rows.fieldnames or ()}
        for row in rows:
            if None in row:
                raise WrongSettingError(f"{file} line {rows.line_num} has more cells than the first line has names.")
            order: dict[str, Any] = {}
            for name, text in row.items():
                if text:  # an empty cell is a field that is not there
                    _put(order, steps[name], _cell(text, types[re.sub(r"\[\d+\]", FIRST, name)]))
            yield json.dumps(order, ensure_ascii=False).encode() + b"\n"


def _steps(file: Path, column: str, types: Mapping[str, str]) -> list[str | int]:
    if re.sub(r"\[\d+\]", FIRST, column) not in types:
        raise WrongSettingError(
            f"{file} has a column that is no field of an order: see `hardware-orders csv-template`."
        )
    steps: list[str | int] = []
    for part in column.split("."):
        found = _STEP.fullmatch(part)
        if not found or int(found["index"] or 0) >= INDEX_MOST:
            raise WrongSettingError(f"{file} has a column whose index is not from 0 to {INDEX_MOST - 1}.")
        steps += [found["name"]] + ([int(found["index"])] if found["index"] else [])
    return steps


def _put(order: dict[str, Any], steps: list[str | int], value: Any) -> None:
    """Set a member, making the objects and lists around it; objects of a list that have no cell stay empty."""
    holder: Any = order
    for step, following in zip(steps, [*steps[1:], None], strict=True):
        inner = value if following is None else [] if isinstance(following, int) else {}
        if isinstance(step, int):
            holder += [{} for _ in range(step + 1 - len(holder))]
            holder[step] = inner if following is None else holder[step]
            holder = holder[step]
        else:
            holder = holder.setdefault(step, inner)


def _cell(text: str, kind: str) -> Any:
    """The cell as JSON; one that is not of its kind stays text, and the service says so."""
    if kind == "integer" and re.fullmatch(r"-?\d{1,15}", text):
        return int(text)
    return _BOOLEANS.get(text.lower(), text) if kind == "boolean" else text


def _leaves(path: str, schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if "$ref" in schema:
        schema = definitions[schema["$ref"].rsplit("/", 1)[1]]
    if "properties" in schema:
        for name, member in schema["properties"].items():
            yield from _leaves(f"{path}.{name}" if path else name, member, definitions)
    elif schema.get("type") == "array":
        yield from _leaves(path + FIRST, schema["items"], definitions)
    else:
        yield path, str(schema.get("type", "string"))
