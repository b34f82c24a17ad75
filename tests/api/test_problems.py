"""The one error body: its members, its headers, and that every error of an application becomes one."""

import asyncio
import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from fastapi import FastAPI
from sqlalchemy.exc import (
    DataError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    ProgrammingError,
    SQLAlchemyError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException

from hardware_orders import errors
from hardware_orders.api import problems
from hardware_orders.api.problems import Problem, invalid, invalid_field
from hardware_orders.contract.body import FieldError, check_order

MEMBERS = {"type", "title", "status", "detail", "instance", "code", "message", "timestamp"}
FAULT = RuntimeError("secret-1")


class Answer(NamedTuple):
    """What went over the wire."""

    status: int
    headers: dict[str, str]
    body: dict[str, Any]


def ask(app: FastAPI, path: str = "/", *, query: bytes = b"", method: str = "GET", host: bytes = b"here") -> Answer:
    """One request, without a client that would tidy it up first."""
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query,
        "root_path": "",
        "headers": [(b"host", host)],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }

    async def run() -> None:
        try:
            await app(scope, receive, send)
        except RuntimeError as error:
            if error is not FAULT:  # a fault is answered first, and then raised for the server to log
                raise

    asyncio.run(run())
    start, content = sent[0], b"".join(message.get("body", b"") for message in sent[1:])
    headers = {name.decode(): value.decode() for name, value in start["headers"]}
    return Answer(start["status"], headers, json.loads(content))


def raising(error: BaseException) -> FastAPI:
    app = FastAPI(redirect_slashes=False)
    problems.install(app)

    @app.get("/")
    async def fail() -> None:
        raise error

    @app.get("/orders/{orderId}")
    async def fail_too() -> None:
        raise error

    return app


def test_the_whole_body() -> None:
    found = [FieldError("merchant.pois[3].quantity", "too_small", "It must be 1."), FieldError("notes", "x", "Too.")]
    answer = ask(raising(invalid(found)), "/orders/1")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", answer.body.pop("timestamp"))
    assert answer.status == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.body == {
        "type": "INVALID_REQUEST_ERROR",
        "title": "Bad Request",
        "status": 400,
        "detail": "It must be 1. There are 2 errors in all.",
        "instance": "/orders/1",
        "code": "400",
        "message": "It must be 1. There are 2 errors in all.",
        "param": "merchant.pois[3].quantity",
        "errors": [
            {"param": "merchant.pois[3].quantity", "code": "too_small", "message": "It must be 1."},
            {"param": "notes", "code": "x", "message": "Too."},
        ],
    }


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        *((status, "INVALID_REQUEST_ERROR") for status in (400, 404, 405, 406, 409, 412, 413, 415, 422, 428, 431)),
        (401, "AUTHENTICATION_ERROR"),
        (403, "AUTHENTICATION_ERROR"),
        (429, "RATE_LIMIT_ERROR"),
        (500, "API_ERROR"),
        (503, "API_ERROR"),
    ],
)
def test_every_status_of_the_contract(status: int, kind: str) -> None:
    answer = ask(raising(Problem(status, "A sentence.")))
    assert answer.body.keys() == MEMBERS
    assert (answer.status, answer.body["status"], answer.body["code"]) == (status, status, str(status))
    assert answer.body["type"] == kind
    assert answer.body["message"] == answer.body["detail"] == "A sentence."
    assert answer.headers.get("retry-after") == ("1" if status in (429, 503) else None)
    assert answer.headers.get("www-authenticate") == ("Bearer" if status == 401 else None)


def test_headers_of_the_problems_own_go_first() -> None:
    answer = ask(raising(Problem(503, "A sentence.", headers={"Retry-After": "30", "X-Other": "1"})))
    assert (answer.headers["retry-after"], answer.headers["x-other"]) == ("30", "1")


def test_a_field_or_the_body_as_a_whole() -> None:
    named, whole = invalid_field("saveDraft", "c", "must be so"), invalid_field("", "c", "must be so")
    assert (named.detail, named.errors[0].param) == ("saveDraft must be so.", "saveDraft")
    assert whole.detail == "The body must be so."
    assert "param" not in ask(raising(whole)).body
    assert ask(raising(whole)).body["errors"] == [{"param": "", "code": "c", "message": "The body must be so."}]


def test_twenty_errors_at_most_and_nothing_of_the_input() -> None:
    found = check_order({f"secret{number}": "secret-1" for number in range(50)})
    answer = ask(raising(invalid(found)))
    assert len(answer.body["errors"]) == 20
    assert "secret-1" not in json.dumps(answer.body)


def test_the_count_of_errors_is_only_told_when_it_is_known() -> None:
    found = check_order({f"unknown{number}": 1 for number in range(50)})
    assert "20 errors in all" not in invalid(found).detail


@pytest.mark.parametrize(
    ("error", "status", "param"),
    [
        (errors.NoSuchOrderError("secret-1"), 404, None),
        (errors.NotAllowedError("It is SUBMITTED."), 409, None),
        (errors.KeyInFlightError(), 409, None),
        (errors.KeyReusedError(), 422, None),
        (errors.OverloadedError(), 503, None),
        (errors.DatabaseAwayError(), 503, None),
        (errors.FieldFixedError("customerEntityUid", "make a new order"), 400, "customerEntityUid"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_a_flow_refuses(error: errors.HardwareOrdersError, status: int, param: str | None) -> None:
    answer = ask(raising(error))
    assert (answer.status, answer.body.get("param"), answer.body["detail"]) == (status, param, str(error))
    is_worth_a_retry = status == 503 or isinstance(error, errors.KeyInFlightError)
    assert answer.headers.get("retry-after") == ("1" if is_worth_a_retry else None)
    assert "secret-1" not in json.dumps(answer.body)


def _database_error(kind: Callable[..., SQLAlchemyError]) -> SQLAlchemyError:
    return kind("SELECT secret-1", {"secret-1": 1}, Exception("secret-1"))


@pytest.mark.parametrize(
    "error",
    [_database_error(OperationalError), _database_error(InterfaceError), PoolTimeoutError("secret-1")],
    ids=lambda error: type(error).__name__,
)
def test_a_database_that_is_away(error: SQLAlchemyError) -> None:
    answer = ask(raising(error))
    assert (answer.status, answer.headers["retry-after"], answer.body["type"]) == (503, "1", "API_ERROR")
    assert "secret-1" not in json.dumps(answer.body)


@pytest.mark.parametrize("kind", [DataError, IntegrityError, ProgrammingError])
def test_a_fault_in_a_statement_is_ours(kind: Callable[..., SQLAlchemyError]) -> None:
    answer = ask(raising(_database_error(kind)))
    assert (answer.status, answer.body["type"]) == (500, "API_ERROR")
    assert "secret-1" not in json.dumps(answer.body)


def test_a_fault_says_nothing_of_itself() -> None:
    answer = ask(raising(FAULT))
    assert answer.status == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.body.keys() == MEMBERS
    assert "secret-1" not in json.dumps(answer.body)


def test_the_routers_own_errors() -> None:
    app = raising(FAULT)
    nothing, method = ask(app, "/nothing"), ask(app, "/", method="PATCH")
    assert (nothing.status, nothing.body["detail"]) == (404, "There is nothing at this path; /docs says what there is.")
    assert (method.status, method.headers["allow"]) == (405, "GET")
    assert ask(app, "/orders/1/").status == 404
    assert ask(raising(HTTPException(431, "Too many headers."))).body["detail"] == "Too many headers."


@pytest.mark.parametrize("query", [b"\xff", b"a=%ff", b"a=\xc3", b"&&=", b"%"])
@pytest.mark.parametrize("path", ["/nothing", "/"])
def test_a_query_of_any_bytes(path: str, query: bytes) -> None:
    answer = ask(raising(Problem(401, "A sentence.")), path, query=query)
    assert answer.status in (401, 404)
    assert answer.body["instance"] == path


def test_a_query_of_any_bytes_before_a_fault() -> None:
    assert ask(raising(FAULT), query=b"\xff").status == 500


@pytest.mark.parametrize("host", [b"", b"[", b"a b", b"\xff", b"a/b", b"x:99999999", b"user@x"])
def test_a_host_of_any_bytes(host: bytes) -> None:
    assert ask(raising(FAULT), "/nothing", host=host).body["instance"] == "/nothing"


@pytest.mark.parametrize(
    ("path", "instance"),
    [
        ("/é", "/%C3%A9"),
        ("/a b", "/a%20b"),
        ("/a?b", "/a%3Fb"),
        ("/a\nb", "/a%0Ab"),
        ("//a", "/.//a"),
        ('/"<', "/%22%3C"),
    ],
)
def test_instance_is_a_uri_reference(path: str, instance: str) -> None:
    assert ask(raising(FAULT), path).body["instance"] == instance


def test_a_problem_passes_through_what_waits_for_it() -> None:
    async def refuse() -> None:
        raise Problem(409, "A sentence.")

    async def gathered() -> BaseException | None:
        (outcome,) = await asyncio.gather(refuse(), return_exceptions=True)
        return outcome

    problem = asyncio.run(gathered())
    assert isinstance(problem, Problem)
    assert (problem.status, problem.detail) == (409, "A sentence.")
