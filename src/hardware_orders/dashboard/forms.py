"""What a browser sends: fields of a form, and of a query. Both are bounded, and a field that is there twice is a list."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request

from hardware_orders.api.bodies import BODY_MOST_BYTES
from hardware_orders.api.problems import Problem

# A page of orders, each with its box, and to spare.
FIELDS_MOST = 2_000
# The largest order as text in a form: percent-encoding makes up to three bytes of one.
FORM_MOST_BYTES = 3 * BODY_MOST_BYTES

Fields = Mapping[str, list[str]]


def query(request: Request) -> Fields:
    """The query's fields. Raises Problem 400."""
    return _fields(request.scope["query_string"])


async def body(request: Request) -> Fields:
    """The form's fields. Raises Problem 400, 413 or 415; OverloadedError."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/x-www-form-urlencoded":
        raise Problem(415, "Send the form as a browser does: application/x-www-form-urlencoded.")
    chunks: list[bytes] = []
    size, more = 0, True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        more, chunk = message.get("more_body", False), message.get("body", b"")
        size += len(chunk)
        if size > FORM_MOST_BYTES:
            raise Problem(413, f"The form is larger than {FORM_MOST_BYTES // 2**20} MiB.")
        request.app.state.bodies.hold(request.scope, len(chunk))
        chunks.append(chunk)
    return _fields(b"".join(chunks))


def _fields(raw: bytes) -> Fields:
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=FIELDS_MOST)
    except ValueError:
        raise Problem(400, f"A form or query has at most {FIELDS_MOST} fields, percent-encoded UTF-8.") from None
    fields: dict[str, list[str]] = {}
    for name, value in pairs:
        fields.setdefault(name, []).append(value)
    return fields


def one(fields: Fields, name: str) -> str:
    """The field's first value without blanks around it; empty when it is absent."""
    return fields.get(name, [""])[0].strip()


def number(fields: Fields, name: str) -> int | None:
    """A whole number of up to nine digits, or None for anything else."""
    value = one(fields, name)
    return int(value) if value.isascii() and value.isdigit() and len(value) <= 9 else None  # noqa: PLR2004
