"""*Parked*: what waits for a person, by the reason; mended one by one, and submitted again one by one or together."""

from datetime import datetime
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from hardware_orders import identifiers, instants
from hardware_orders.api.authentication import Role
from hardware_orders.api.context import order_id
from hardware_orders.api.problems import Problem
from hardware_orders.dashboard import forms
from hardware_orders.dashboard.pages import Visit
from hardware_orders.dashboard.session import PATH
from hardware_orders.orders import acts, parked
from hardware_orders.orders.acts import Acted
from hardware_orders.orders.commands import Submit
from hardware_orders.orders.parked import COUNTED_MOST, CodeCount, Row

PAGE_ORDERS = 50
# Of one confirmation: some seconds of work. What is more is retried by the next.
RETRIED_MOST = 500
# Locked and written together: some hundred milliseconds, in which nobody else waits long for them.
TOGETHER_ORDERS = 100

RETRIED = "orders.retried"


async def page(visit: Visit) -> Response:
    """The codes, and the orders of the one that is chosen, the oldest first."""
    chosen = visit.field("code")
    counts, rows = await run_in_threadpool(_read, visit, chosen)
    count = next((found for found in counts if found.code == chosen), None)
    did = {name: forms.number(visit.fields, name) for name in ("retried", "refused", "left")}
    return visit.page(
        "parked",
        counts=counts,
        chosen=chosen,
        count=count,
        rows=rows[:PAGE_ORDERS],
        further=_further(chosen, rows),
        is_first=not visit.field("behind"),
        is_counted=sum(found.orders for found in counts) < COUNTED_MOST,
        retried_most=RETRIED_MOST,
        may_act=visit.may(Role.ORDERS_WRITE),
        did=did if did["retried"] is not None else None,
        was_none_chosen=visit.field("did") == "nothing",
    )


def _read(visit: Visit, chosen: str) -> tuple[list[CodeCount], list[Row]]:
    entities = visit.principal.entities
    behind = _behind(visit.field("behind"))
    with visit.service.database.read_for(entities) as connection:
        counts = list(parked.counts(connection, entities))
        rows = list(parked.listed(connection, entities, chosen, PAGE_ORDERS + 1, behind)) if chosen else []
    return counts, rows


def _behind(text: str) -> tuple[datetime, str] | None:
    """The place that `further` leads to; from the beginning for anything else."""
    instant, _, wanted = text.partition("~")
    try:
        return (instants.parse(instant), wanted) if identifiers.is_uuid(wanted) else None
    except ValueError:
        return None


def _further(chosen: str, rows: list[Row]) -> str | None:
    if len(rows) <= PAGE_ORDERS:
        return None
    last = rows[PAGE_ORDERS - 1]
    behind = f"{instants.text(last.created_date)}~{last.order_id}"
    return f"{PATH}/parked?" + urlencode({"code": chosen, "behind": behind})


async def confirm(visit: Visit) -> Response:
    """Says how many orders it would be, and asks. Nothing has been done yet."""
    code, chosen = visit.field("code"), _chosen(visit)
    if chosen:
        return visit.page("confirm", code=code, count=len(chosen), total=len(chosen), order_ids=chosen)
    if visit.field("scope") != "all":
        return visit.to(f"{PATH}/parked?{urlencode({'code': code, 'did': 'nothing'})}")
    counts, _ = await run_in_threadpool(_read, visit, "")
    total = next((found.orders for found in counts if found.code == code), 0)
    if not total:
        raise Problem(422, "None is parked with this code any more.")
    return visit.page("confirm", code=code, count=min(total, RETRIED_MOST), total=total, order_ids=[])


async def retry(visit: Visit) -> Response:
    """Submits again as many orders as were confirmed, and says what became of it."""
    code, count = visit.field("code"), forms.number(visit.fields, "count")
    if not count or count > RETRIED_MOST:
        raise Problem(422, f"Confirm from 1 to {RETRIED_MOST} orders at once.")
    order_ids = _chosen(visit) or await run_in_threadpool(_oldest, visit, code, count)
    acted = Acted([], 0)
    for start in range(0, min(len(order_ids), count), TOGETHER_ORDERS):
        together = order_ids[start : min(start + TOGETHER_ORDERS, count)]
        done = await run_in_threadpool(_submit, visit, together, code)
        visit.service.intake.bell.ring([order.order_id for order in done.orders if order.is_waiting])
        acted = Acted([*acted.orders, *done.orders], acted.refused + done.refused)
    left = await run_in_threadpool(_left, visit, code)
    told = {"code": code, "retried": len(acted.orders), "refused": acted.refused, "left": left}
    return visit.to(f"{PATH}/parked?{urlencode(told)}")


async def retry_one(visit: Visit) -> Response:
    """Submits one order again, from its own page."""
    wanted = order_id(visit.request)
    done = await run_in_threadpool(_submit, visit, [wanted], "")
    if not done.orders:
        raise Problem(409, "The order has moved on and cannot be submitted again, or is not there.")
    visit.service.intake.bell.ring([order.order_id for order in done.orders if order.is_waiting])
    return visit.to(f"{PATH}/orders/{wanted}?did=retried")


def _submit(visit: Visit, order_ids: list[str], code: str) -> Acted:
    principal = visit.principal
    commands = [Submit(principal.actor)]
    return acts.act(
        visit.service.database,
        order_ids,
        principal.entities,
        commands,
        actor=principal.actor,
        action=RETRIED,
        code=code[:64],
    )


def _oldest(visit: Visit, code: str, count: int) -> list[str]:
    entities = visit.principal.entities
    with visit.service.database.read_for(entities) as connection:
        return list(parked.ids(connection, entities, code, count))


def _left(visit: Visit, code: str) -> int:
    entities = visit.principal.entities
    with visit.service.database.read_for(entities) as connection:
        return sum(found.orders for found in parked.counts(connection, entities) if found.code == code)


def _chosen(visit: Visit) -> list[str]:
    """The ids whose boxes are ticked; all others are left out."""
    if visit.field("scope") == "all":
        return []
    chosen = dict.fromkeys(visit.fields.get("order", []))
    if len(chosen) > RETRIED_MOST:
        raise Problem(422, f"Choose at most {RETRIED_MOST} orders at once.")
    if not all(identifiers.is_uuid(one) for one in chosen):
        raise Problem(400, "An order's id is a UUID.")
    return list(chosen)
