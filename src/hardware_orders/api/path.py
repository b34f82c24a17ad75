"""One route for each path, with all its methods: a 405 names every one of them in `Allow` (RFC 9110)."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send


class Path:
    """What is served at one path, by method. HEAD is GET without its body, which the server leaves out."""

    def __init__(self, by_method: Mapping[str, ASGIApp]) -> None:
        head = {"HEAD": by_method["GET"]} if "GET" in by_method else {}
        self._by_method = {**by_method, **head}
        self._refusal = HTTPException(405, headers={"Allow": ", ".join(sorted(self._by_method))})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        served = self._by_method.get(scope["method"])
        if served is None:
            raise self._refusal
        await served(scope, receive, send)


def routes(described: Iterable[APIRoute], served: Callable[[Callable[..., Any]], ASGIApp]) -> list[Route]:
    """Starlette's routes: paths without a template first, since `/orders/hardware` is no order's id.

    `served` makes of each endpoint what is served.
    """
    by_path: dict[str, dict[str, ASGIApp]] = {}
    for route in described:
        by_path.setdefault(route.path, {}).update(dict.fromkeys(route.methods or (), served(route.endpoint)))
    return [_route(path, Path(by_path[path])) for path in sorted(by_path, key=lambda path: "{" in path)]


def _route(path: str, served: Path) -> Route:
    route = Route(path, served)
    route.path_regex = re.compile(route.path_regex.pattern.removesuffix("$") + r"\Z")  # "$" lets a line feed follow
    return route
