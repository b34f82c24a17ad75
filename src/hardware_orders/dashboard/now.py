"""*Now*: how the whole system stands, and how it stood in the last hour."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from hardware_orders.api import answers
from hardware_orders.api.context import Context
from hardware_orders.contract.enums import Status
from hardware_orders.dashboard import templates
from hardware_orders.dashboard.live import Live
from hardware_orders.dashboard.pages import OF_ALL, READERS, Visit
from hardware_orders.sampling.sample import Sample
from hardware_orders.sampling.sampler import COUNT_MOST, LOOKED_AT_MOST

# A relay takes a sample a second; one that is older says that none runs.
OLD_SECONDS = 10
# A relay numbers within milliseconds.
LAG_SECONDS = 5.0
# Rows of the table that stands for the charts where there are no scripts.
TABLE_STEP_SECONDS = 300

# What a chart's point holds, in the order in which the script takes it.
POINT = ("second", "received", "settled", "published", "waiting", "parked", "p50", "p95", "p99")


async def page(visit: Visit) -> Response:
    """The numbers and the charts. Who may not see all customers' together goes on to the orders."""
    if not visit.may_see_all:
        if visit.may(*READERS):
            return visit.to("/dashboard/orders")
        raise OF_ALL
    live = visit.board.live
    await live.refresh()
    is_paused = visit.field("live") == "off"
    history = points(live.history)
    return visit.page("now", numbers=numbers(live, visit.service), table=_table(history), is_paused=is_paused)


async def history(visit: Visit) -> Response:
    """The charts' points, each as `POINT`; null where nothing is known."""
    await visit.board.live.refresh()
    return answers.json_answer(points(visit.board.live.history))


async def stream(visit: Visit) -> Response:
    """The numbers as HTML, each second anew."""
    return _Streamed(visit.board.live)


class _Streamed(Response):
    def __init__(self, live: Live) -> None:
        super().__init__()
        self._live = live

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._live.stream(scope, receive, send)


def drawn(live: Live, service: Context) -> str:
    """What every viewer is sent."""
    return templates.environment().get_template("numbers.html").render(numbers=numbers(live, service))


def numbers(live: Live, service: Context) -> dict[str, Any]:
    """What the page says, from the newest sample; `sample` is null before the first."""
    broker, events = service.intake.bell.is_open, service.intake.waiting.is_connected
    surroundings = {"broker": broker, "events": events}
    newest = live.newest
    if newest is None:
        return {"sample": None, **surroundings}
    age = max(time.time() - newest.second, 0)
    data = newest.data
    before = next((one for one in reversed(live.history) if one.second <= newest.second - 5), None)
    lag = None if data["published"] is None else max(data["last"] - data["published"], 0) + data["unnumbered"]["count"]
    return {
        **surroundings,
        "sample": data,
        "at": datetime.fromtimestamp(newest.second, UTC),
        "age": age,
        "is_old": age > OLD_SECONDS,
        "statuses": [(status.value, data["statuses"].get(status.value, 0)) for status in Status],
        "behind": data["last"] - data["position"],
        "counted": round(100 * data["position"] / data["last"]) if data["last"] else 100,
        "rates": _rates(before, newest),
        "lag": lag,
        "parked": sum(data["parked"].values()),
        "count_most": COUNT_MOST,
        "looked_at_most": LOOKED_AT_MOST,
        "alarms": alarms(data, age, broker=broker, events=events),
        "point": _point(before, newest),
    }


def alarms(data: dict[str, Any], age: float, *, broker: bool, events: bool) -> list[str]:
    """What somebody on call should know, each in a sentence; the worst first."""
    if age > OLD_SECONDS:
        return [f"No sample for {templates.duration(age)}: no relay is running, or it cannot reach the database."]
    found = []
    if data["workers"] == []:
        found.append("No worker is alive: orders are accepted and wait.")
    if not broker:
        found.append("The broker is away from this API process: orders are accepted, and settled once it is back.")
    if not events or data["workers"] is None:
        found.append("The events' Redis is away: nothing is published until it is back, and nothing is lost.")
    if data["stalled"]:
        more = " or more" if data["stalled"] >= LOOKED_AT_MOST else ""
        bound = round(data["stalledAfter"])
        found.append(f"Orders that have waited for over {bound} s: {data['stalled']}{more}.")
    if (data["portfolios"].get("state") or {}).get("is_away"):
        found.append("The Portfolio Service is away: simplified orders wait, or are completed from older answers.")
    if data["unnumbered"]["oldest"] > LAG_SECONDS:
        found.append(f"The relay is {templates.duration(data['unnumbered']['oldest'])} behind.")
    return found


def points(history: Sequence[Sample]) -> list[list[float | None]]:
    """What the charts draw."""
    pairs = zip([None, *history], history, strict=False)
    return [_point(before, one) for before, one in pairs]


def _point(before: Sample | None, one: Sample) -> list[float | None]:
    rates = _rates(before, one)
    data = one.data
    latency = [data["latency"][name] for name in ("p50", "p95", "p99")]
    now = [data["waiting"]["count"], sum(data["parked"].values())]
    return [one.second, rates["received"], rates["settled"], rates["published"], *now, *latency]


def _rates(before: Sample | None, one: Sample) -> dict[str, float | None]:
    """Per second since the sample before, unless the log was still being counted through."""
    names = {"received": "received", "settled": "settled", "published": "published"}
    if before is None:
        return dict.fromkeys(names)
    seconds = one.second - before.second
    was_counted = before.data["position"] == before.data["last"]
    rates: dict[str, float | None] = {}
    for name in names:
        old, new = before.data[name], one.data[name]
        is_known = old is not None and new is not None and (was_counted or name == "published")
        rates[name] = round(max(new - old, 0) / seconds, 2) if is_known and seconds else None
    return rates


def _table(history: Sequence[Sequence[float | None]]) -> list[dict[str, Any]]:
    """One row for five minutes, the newest first: means of rates, and the highest of all else."""
    rows: dict[int, list[Sequence[float | None]]] = {}
    for point in history:
        rows.setdefault(int(point[0] or 0) // TABLE_STEP_SECONDS * TABLE_STEP_SECONDS, []).append(point)
    shown = []
    for start, within in sorted(rows.items(), reverse=True):
        columns = {name: [p[i] for p in within if p[i] is not None] for i, name in enumerate(POINT)}
        means = {name: _mean(columns[name]) for name in ("received", "settled", "published")}
        highest = {name: max(columns[name], default=None) for name in ("waiting", "parked", "p50", "p95", "p99")}  # type: ignore[type-var]
        shown.append({"start": datetime.fromtimestamp(start, UTC), **means, **highest})
    return shown


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(sum(known) / len(known), 2) if known else None
