"""The application: routers hold the routes, Starlette serves them, and the document says what they are.

The routes' functions read the request by hand, so FastAPI's own handling has no parameter to solve and its layers hold
nothing; on the hot path they cost more than a third of a request's time (docs/adr/0010).
"""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.routing import APIRoute
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from hardware_orders.api import path
from hardware_orders.api.bodies import Bodies
from hardware_orders.api.context import context
from hardware_orders.api.document import build, pages


class Application(FastAPI):
    """Serves its routers' routes as Starlette does, their description at `/openapi.json`, and its pages at `/docs`."""

    def __init__(self, routers: Sequence[APIRouter], **options: Any) -> None:
        # FastAPI's own pages load their scripts from elsewhere.
        super().__init__(redirect_slashes=False, openapi_url=None, docs_url=None, redoc_url=None, **options)
        described = [route for router in routers for route in router.routes if isinstance(route, APIRoute)]
        self._document = build.document(described, title=self.title, version=self.version)
        self.router.routes += [*path.routes(described, _served), *pages.routes(self._document)]
        self.state.bodies = self._bodies = Bodies()
        self.streams_end: list[Callable[[], None]] = []
        """Called when the server stops: each ends answers that go on for as long as their reader likes."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            # FastAPI's own would ask for the settings of its telemetry, which nobody set, at every request.
            await Starlette.__call__(self, scope, receive, send)
        finally:
            self._bodies.release(scope)

    def end_streams(self) -> None:
        for end in self.streams_end:
            end()

    def openapi(self) -> dict[str, Any]:
        return self._document

    def build_middleware_stack(self) -> ASGIApp:
        return Starlette.build_middleware_stack(self)


def _served(endpoint: Callable[..., Any]) -> ASGIApp:
    """Enters the route once it is known who is asking: issuer or database may be waited for (docs/adr/0011)."""
    is_asynchronous = inspect.iscoroutinefunction(endpoint)

    async def served(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        await context(request).authenticator.identify(request)
        answered = endpoint(request) if is_asynchronous else run_in_threadpool(endpoint, request)
        response: Response = await answered
        await response(scope, receive, send)

    return served
