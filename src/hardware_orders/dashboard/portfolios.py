"""*Portfolios*: where they come from, how their service does, and which versions orders were completed from."""

from datetime import UTC, datetime

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from hardware_orders.dashboard.pages import Visit
from hardware_orders.orders import derivations


async def page(visit: Visit) -> Response:
    """The service as the newest sample has it, and what the newest orders were derived from."""
    await visit.board.live.refresh()
    newest = visit.board.live.newest
    state = newest.data["portfolios"] if newest else None
    away_since = state["state"]["since"] if state and state.get("state") else None
    return visit.page(
        "portfolios",
        portfolios=state,
        away_since=datetime.fromtimestamp(away_since, UTC) if away_since else None,
        used=await run_in_threadpool(_read, visit),
        looked_at_most=derivations.LOOKED_AT_MOST,
    )


def _read(visit: Visit) -> list[derivations.Used]:
    with visit.service.database.read_for(visit.principal.entities) as connection:
        return list(derivations.newest(connection))
