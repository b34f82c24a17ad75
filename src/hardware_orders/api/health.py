"""`/healthz`: this process runs. `/readyz`: it can take orders, and which of its surroundings are there."""

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from hardware_orders.api import answers
from hardware_orders.api.context import Context, context
from hardware_orders.delivery import log

router = APIRouter(include_in_schema=False)


@router.get("/healthz")
async def alive() -> Response:
    return answers.json_answer({"status": "alive"})


@router.get("/readyz")
async def ready(request: Request) -> Response:
    """200 while orders can be stored: without broker or events they are safe, and settled later. Else 503."""
    service = context(request)
    await run_in_threadpool(_ask_database, service)
    broker, events = service.intake.bell.is_open, service.intake.waiting.is_connected
    return answers.json_answer(
        {
            "status": "ready",
            "database": "up",
            "broker": "up" if broker else "away",
            "events": "up" if events else "away",
        }
    )


def _ask_database(service: Context) -> None:
    with service.database.read() as connection:
        log.last_position(connection)
