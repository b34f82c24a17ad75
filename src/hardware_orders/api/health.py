"""`/healthz`: this process runs. `/readyz`: it can take orders, and which of its surroundings are there."""

from datetime import timedelta

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from hardware_orders import migrations
from hardware_orders.api import answers
from hardware_orders.api.context import Context, context
from hardware_orders.intake import line

router = APIRouter(include_in_schema=False)


@router.get("/healthz")
async def alive(_request: Request) -> Response:
    return answers.json_answer({"status": "alive"})


@router.get("/readyz")
async def ready(request: Request) -> Response:
    """200 while orders can be stored: without broker or events they are safe, and settled later. Else 503."""
    service = context(request)
    is_current, overdue = await run_in_threadpool(_ask_database, service)
    broker, events = service.intake.bell.is_open, service.intake.waiting.is_connected
    return answers.json_answer(
        {
            "status": "ready",
            "database": "up",
            "schema": "current" if is_current else "newer",
            "broker": "up" if broker else "away",
            "events": "up" if events else "away",
            "oldestWaitingSeconds": round(overdue.total_seconds(), 3),
        }
    )


def _ask_database(service: Context) -> tuple[bool, timedelta]:
    """Whether the schema is still this version's: a release that is under way brings its own, and leaves this one's."""
    return migrations.found(service.database) == migrations.head(), line.overdue(service.database)
