"""The application: FastAPI documents the routes, Starlette serves them.

The routes' functions read the request by hand, so FastAPI's own handling has no parameter to solve and its layers hold
nothing; on the hot path they cost more than a third of a request's time (docs/adr/0010).
"""

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp

from hardware_orders.api import openapi


class Application(FastAPI):
    """Serves its routers' routes as Starlette does, and describes them at `/openapi.json` as FastAPI does."""

    def __init__(self, routers: Sequence[APIRouter], **options: Any) -> None:
        super().__init__(redirect_slashes=False, **options)
        described = [route for router in routers for route in router.routes if isinstance(route, APIRoute)]
        # In front of the documentation's own routes: the first that matches is taken.
        self.router.routes[:0] = [Route(r.path, r.endpoint, methods=list(r.methods or ())) for r in described]
        document = get_openapi(title=self.title, version=self.version, description=self.description, routes=described)
        document.setdefault("components", {}).setdefault("schemas", {}).update(openapi.schemas())
        self._document = document

    def openapi(self) -> dict[str, Any]:
        return self._document

    def build_middleware_stack(self) -> ASGIApp:
        return Starlette.build_middleware_stack(self)
