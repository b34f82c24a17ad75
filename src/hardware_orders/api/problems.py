"""One error body for everybody: RFC 9457 `application/problem+json` that is also the vendor's error body."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import structlog
from fastapi import FastAPI, Request
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from hardware_orders import identifiers, instants
from hardware_orders.contract.body import MOST_ERRORS, FieldError
from hardware_orders.database import AWAY
from hardware_orders.errors import (
    DatabaseAwayError,
    EventsGoneError,
    FieldFixedError,
    HardwareOrdersError,
    KeyInFlightError,
    KeyReusedError,
    NoSuchBatchError,
    NoSuchDeliveryError,
    NoSuchOrderError,
    NoSuchPositionError,
    NoSuchVersionError,
    NoSuchWebhookError,
    NotAllowedError,
    OverloadedError,
    PageTooLargeError,
    SearchTooLongError,
    StaleVersionError,
    TooManyReadersError,
    WebhookRefusedError,
)

log = structlog.get_logger()

MEDIA_TYPE = "application/problem+json"
# When trying again is the remedy: a second is long against every queue and lock of this service.
RETRY_AFTER_SECONDS = "1"

_STATUS: dict[type[HardwareOrdersError], int] = {
    NoSuchBatchError: 404,
    NoSuchDeliveryError: 404,
    NoSuchPositionError: 400,
    NoSuchWebhookError: 404,
    WebhookRefusedError: 409,
    NoSuchOrderError: 404,
    NoSuchVersionError: 404,
    EventsGoneError: 410,
    StaleVersionError: 412,
    SearchTooLongError: 503,
    PageTooLargeError: 400,
    NotAllowedError: 409,
    KeyInFlightError: 409,
    KeyReusedError: 422,
    OverloadedError: 503,
    TooManyReadersError: 503,
    DatabaseAwayError: 503,
    FieldFixedError: 400,
}
_SENTENCES = {
    404: "There is nothing at this path; /docs says what there is.",
    405: "This path does not take this method; `Allow` names those it takes.",
}
TYPES = _INVALID_REQUEST, _AUTHENTICATION, _RATE_LIMIT, _API = (
    "INVALID_REQUEST_ERROR",
    "AUTHENTICATION_ERROR",
    "RATE_LIMIT_ERROR",
    "API_ERROR",
)
"""The vendor's kinds of error, which are valid relative references for `type`."""
_TYPE = {401: _AUTHENTICATION, 403: _AUTHENTICATION, 429: _RATE_LIMIT}


@dataclass
class Problem(Exception):  # noqa: N818  # RFC 9457's own word
    """An answer other than success. `detail` is one sentence that says how to mend it; the input is never echoed."""

    status: int
    detail: str
    errors: Sequence[FieldError] = ()
    param: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    extension: Mapping[str, Any] = field(default_factory=dict)
    """Members of the body beside those of every problem (RFC 9457, section 3.2)."""


def answer(request: Request, problem: Problem) -> Response:
    """The problem as a response."""
    body = as_json(problem, _reference(request.scope["path"]), instants.text(datetime.now(UTC)))
    headers = {"Cache-Control": "no-store", **problem.headers}
    if problem.status in (429, 503):
        headers.setdefault("Retry-After", RETRY_AFTER_SECONDS)
    if problem.status == HTTPStatus.UNAUTHORIZED:
        headers.setdefault("WWW-Authenticate", "Bearer")
    return Response(json.dumps(body, ensure_ascii=False), problem.status, headers, MEDIA_TYPE)


def as_json(problem: Problem, instance: str, timestamp: str) -> dict[str, Any]:
    """The body: RFC 9457's members, the vendor's beside them, and the fields at fault."""
    param = problem.errors[0].param if problem.errors else problem.param
    body: dict[str, Any] = {
        "type": _TYPE.get(
            problem.status, _API if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR else _INVALID_REQUEST
        ),
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": problem.detail,
        "instance": instance,
        "code": str(problem.status),
        "message": problem.detail,
        "timestamp": timestamp,
    }
    if param:
        body["param"] = param
    if problem.errors:
        body["errors"] = [{"param": e.param, "code": e.code, "message": e.message} for e in problem.errors]
    return {**body, **problem.extension}


def _reference(path: str) -> str:
    """The path as a URI reference. One that begins with two slashes would name a host (RFC 3986, section 4.2)."""
    quoted = quote(path)
    return f"/.{quoted}" if quoted.startswith("//") else quoted


def invalid(errors: Sequence[FieldError]) -> Problem:
    """400 for a body or header with these faults; there is at least one."""
    more = ""
    if len(errors) > 1:
        is_cut = len(errors) >= MOST_ERRORS  # the check stops there
        more = f" The first {MOST_ERRORS} errors are listed." if is_cut else f" There are {len(errors)} errors in all."
    return Problem(400, errors[0].message + more, errors)


def invalid_field(param: str, code: str, predicate: str) -> Problem:
    """400 for one field, header or parameter; an empty `param` is the body as a whole."""
    return invalid([FieldError(param, code, f"{param or 'The body'} {predicate}.")])


def of(error: HardwareOrdersError) -> Problem:
    """The problem that a refusal is told as."""
    status = _STATUS[type(error)]
    headers = {"Retry-After": RETRY_AFTER_SECONDS} if isinstance(error, KeyInFlightError) else {}
    return Problem(status, str(error), param=getattr(error, "param", None), headers=headers)


def install(app: FastAPI) -> None:
    """Every error of this application answers with a problem."""

    async def on_problem(request: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)  # noqa: S101  # Starlette's handlers are typed for any exception
        return answer(request, error)

    async def on_refusal(request: Request, error: Exception) -> Response:
        assert isinstance(error, HardwareOrdersError)  # noqa: S101
        return answer(request, of(error))

    async def on_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101
        detail = _SENTENCES.get(error.status_code, str(error.detail))
        return answer(request, Problem(error.status_code, detail, headers=error.headers or {}))

    async def on_hang_up(request: Request, _error: Exception) -> Response:
        return answer(request, Problem(400, "The request ended before its body did."))  # which nobody reads

    async def on_database(request: Request, error: Exception) -> Response:
        if isinstance(error, AWAY):
            log.warning("database_away", error=type(error).__name__)
            return answer(request, Problem(503, "The database does not answer; send the request again in a moment."))
        return await on_fault(request, error)

    async def on_fault(request: Request, error: Exception) -> Response:
        request_id, path = identifiers.new(), request.scope["path"]
        log.error("request_failed", request_id=request_id, path=path, error=type(error).__name__, exc_info=error)
        detail = "The service made a mistake; it has been logged, with the X-Request-Id of this answer."
        return answer(request, Problem(500, detail, headers={"X-Request-Id": request_id}))

    app.add_exception_handler(Problem, on_problem)
    app.add_exception_handler(HardwareOrdersError, on_refusal)
    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(ClientDisconnect, on_hang_up)
    app.add_exception_handler(SQLAlchemyError, on_database)
    app.add_exception_handler(Exception, on_fault)
