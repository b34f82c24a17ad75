"""The routes of the application: FastAPI documents them, Starlette serves them.

Their functions read the request by hand, so FastAPI's own handling has no parameter to solve; on the hot path it cost a
third of a request's time (docs/adr/0010).
"""

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from starlette.routing import Route

from hardware_orders.api import openapi


def install(app: FastAPI, routers: Sequence[APIRouter]) -> None:
    """Serve these routers' routes, and describe them at `/openapi.json`."""
    described = [route for router in routers for route in router.routes if isinstance(route, APIRoute)]
    served = [Route(route.path, route.endpoint, methods=list(route.methods or ())) for route in described]
    app.router.routes.extend(served)
    document = get_openapi(title=app.title, version=app.version, description=app.description, routes=described)
    document.setdefault("components", {}).setdefault("schemas", {}).update(openapi.schemas())

    def described_as() -> dict[str, Any]:
        return document

    app.openapi = described_as  # type: ignore[method-assign]
