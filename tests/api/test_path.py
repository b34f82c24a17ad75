"""How the application finds a route: by path first, then by method."""

import asyncio
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI, Request
from fastapi.routing import APIRoute
from starlette.responses import PlainTextResponse, Response
from starlette.routing import request_response

from hardware_orders.api import path, problems

router = APIRouter()


@router.get("/things/{thingId}")
async def get(request: Request) -> Response:
    return PlainTextResponse(f"get {request.path_params['thingId']}")


@router.delete("/things/{thingId}")
async def delete(request: Request) -> Response:
    return PlainTextResponse(f"delete {request.path_params['thingId']}")


@router.post("/things/special")
async def special(_request: Request) -> Response:
    return PlainTextResponse("special")


@router.get("/things/{thingId}/parts")
async def parts(request: Request) -> Response:
    return PlainTextResponse(f"parts of {request.path_params['thingId']}")


def ask(method: str, asked: str) -> tuple[int, str, set[str]]:
    app = FastAPI(redirect_slashes=False)
    described = [route for route in router.routes if isinstance(route, APIRoute)]
    app.router.routes[:] = path.routes(described, request_response)
    problems.install(app)
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": asked, "root_path": "", "query_string": b"", "headers": []}
    asyncio.run(app(scope, receive, send))
    allow = dict(sent[0]["headers"]).get(b"allow", b"").decode()
    return sent[0]["status"], sent[1]["body"].decode(), set(filter(None, allow.split(", ")))


@pytest.mark.parametrize(
    ("method", "asked", "said"),
    [
        ("GET", "/things/1", "get 1"),
        ("DELETE", "/things/1", "delete 1"),
        ("POST", "/things/special", "special"),
        ("GET", "/things/1/parts", "parts of 1"),
    ],
)
def test_each_method_has_its_function(method: str, asked: str, said: str) -> None:
    assert ask(method, asked) == (200, said, set())


@pytest.mark.parametrize(
    ("method", "asked", "allowed"),
    [
        ("POST", "/things/1", {"GET", "HEAD", "DELETE"}),
        ("GET", "/things/special", {"POST"}),
        ("DELETE", "/things/special", {"POST"}),
        ("HEAD", "/things/special", {"POST"}),
    ],
)
def test_allow_names_every_method_of_the_path_and_of_no_other(method: str, asked: str, allowed: set[str]) -> None:
    status, _, named = ask(method, asked)
    assert (status, named) == (405, allowed)


def test_head_is_get_without_the_body() -> None:
    assert ask("HEAD", "/things/1")[0] == 200


@pytest.mark.parametrize(
    "path", ["/things", "/things/", "/things/1/", "/things/1/parts/", "//things/1", "/things/1/parts\n"]
)
def test_a_path_is_a_path_to_the_letter(path: str) -> None:
    assert ask("GET", path)[0] == 404
