"""What the document cannot say about requests that are valid: how header, body and stored order depend on one another.

Only requests that were made to be valid are touched; those made to be refused are sent as they are.
"""

import json
import uuid
from datetime import UTC, datetime
from typing import Any

import jsonschema
import schemathesis
from hypothesis import strategies
from schemathesis.core.parameters import ParameterLocation

# Of the sample portfolios. One for all, because a replacement may not change whose the order is.
CUSTOMER = "c0a8f3de-51b2-4e0f-8a6d-7b1e94d2f101"
KEY_MOST_CHARACTERS = 255
Case = schemathesis.Case[Any]
TAGS = {"If-Match": "*", "If-None-Match": '"7"'}
EXCLUDES = {"version": ("asOf",), "limit": ("pageNumber", "pageSize")}
PAGE_SIZE = 50
NUMBERED_MOST = 10_000
# A good URL of a host that is nowhere (RFC 2606): what else a URL must be no pattern can say.
RECEIVER = "https://receiver.invalid/hook"
ORDER_OPERATIONS = {"addHardwareOrder", "previewHardwareOrder", "replaceHardwareOrder"}


# A schema can say `date-time`, but not that its year lies from 2000 to 2199 in UTC.
schemathesis.openapi.format(
    "date-time",
    strategies.datetimes(datetime(2000, 1, 1), datetime(2199, 12, 31), timezones=strategies.just(UTC)).map(  # noqa: DTZ001
        lambda instant: instant.isoformat().replace("+00:00", "Z")
    ),
)


@schemathesis.hook
def before_call(_context: schemathesis.HookContext, case: Case, _arguments: dict[str, Any]) -> None:
    if _is_valid_at(case, ParameterLocation.HEADER) and "Idempotency-Key" in (case.headers or {}):
        # A key belongs to one request; the few that a generator likes best would be used again and again.
        fresh = f"{uuid.uuid4()}{case.headers['Idempotency-Key']}"
        case.headers["Idempotency-Key"] = fresh[:KEY_MOST_CHARACTERS]
    headers: Any = case.headers or {}
    if str(headers.get("Prefer")).startswith("wait="):
        headers["Prefer"] = "wait=0"  # a page of events that never come is waited for as long as asked
    for name, tag in TAGS.items():
        sent = headers.get(name)
        # Which version the order has is not in the document. "0" stands for "some value" where others are under test.
        if sent is not None and (_is_valid_at(case, ParameterLocation.HEADER) or sent == "0"):
            headers[name] = tag
    if _is_valid_at(case, ParameterLocation.QUERY) and case.query:
        _make_agree(case.query)
    if isinstance(case.body, dict) and _is_valid_at(case, ParameterLocation.BODY):
        case.body = made = _as_taken(case.body)
        if "url" in made:
            case.body = {**made, "url": RECEIVER}
        if case.operation.definition.raw.get("operationId") == "replayWebhook":
            case.body = {**made, "after": 0}  # which positions there are is not in the document
        if case.operation.definition.raw.get("operationId") in ORDER_OPERATIONS:
            _make_acceptable(case, made)


def _make_agree(query: dict[str, Any]) -> None:
    """Leave out what OpenAPI cannot say of parameters together; a cursor is one that an answer gave."""
    query.pop("cursor", None)
    excluded = [name for one, others in EXCLUDES.items() if one in query for name in others]
    if query.get("startTime", "") > query.get("endTime", "~"):
        excluded.append("endTime")
    if int(query.get("pageNumber", 1)) * int(query.get("pageSize", PAGE_SIZE)) > NUMBERED_MOST:
        excluded.append("pageNumber")
    for name in excluded:
        query.pop(name, None)


def _make_acceptable(case: Case, made: dict[str, Any]) -> None:
    body = {**made, "customerEntityUid": CUSTOMER}
    document = case.operation.schema.raw_schema
    incomplete = {error.path[0] for error in _complete_order(document).iter_errors(body) if error.path}
    if case.operation.definition.raw.get("operationId") == "previewHardwareOrder":
        case.body = body  # an incomplete order is what it is for
        return
    if incomplete and case.method == "POST":
        if not _is_valid_at(case, ParameterLocation.HEADER):
            return
        case.headers["X-Use-Simplified-Order-Flow"] = "true"
    elif incomplete:
        # Whether it may be incomplete depends on the order that is replaced.
        body = {name: value for name, value in body.items() if name not in incomplete}
    case.body = body


def _as_taken(value: Any) -> Any:
    """The value with whole numbers written as such, and no telephone number twice.

    JSON Schema takes 2.0 for an integer, which what a client reads back would not be to every language. An incomplete
    order's schema does not say that numbers differ, because those of an answer may not, once defaults are filled in.
    """
    if isinstance(value, dict):
        return {
            name: _each_once(_as_taken(member)) if name == "phoneNumbers" else _as_taken(member)
            for name, member in value.items()
        }
    if isinstance(value, list):
        return [_as_taken(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _each_once(items: list[Any]) -> list[Any]:
    return list({json.dumps(item, sort_keys=True): item for item in items}.values())


def _complete_order(document: dict[str, Any]) -> jsonschema.Draft202012Validator:
    schema = {"$ref": "#/components/schemas/HardwareOrder", "components": document["components"]}
    return jsonschema.Draft202012Validator(schema)


def _is_valid_at(case: Case, location: ParameterLocation) -> bool:
    return case.meta is None or not case.meta.is_negative_at(location)


@schemathesis.serializer("application/x-ndjson")
def as_lines(_context: Any, value: Any) -> bytes:
    """Any text is a batch, whose lines fail one by one; but one without a line is refused."""
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text.encode(errors="surrogatepass") if text.strip() else b"{}"
