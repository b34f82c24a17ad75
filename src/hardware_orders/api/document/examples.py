"""The examples: sample orders as they are sent, what the service makes of them, and a problem of each kind.

Orders are decided and shown by the code that does so for every order, at a fixed instant, so that they cannot be untrue
and the document is the same at every start. The bodies are of the sample customers that the embedded default knows.
"""

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import orjson

from hardware_orders import canonical, instants, samples
from hardware_orders.actor import Actor
from hardware_orders.api import line_error, preview_answer, problems
from hardware_orders.api.document import webhook_examples
from hardware_orders.api.problems import Problem
from hardware_orders.contract.body import check_order
from hardware_orders.contract.enums import Status
from hardware_orders.delivery import cloudevent
from hardware_orders.errors import (
    EventsGoneError,
    KeyInFlightError,
    KeyReusedError,
    NoSuchOrderError,
    OverloadedError,
    StaleVersionError,
)
from hardware_orders.intake.batch_progress import FAILED, BatchStatus
from hardware_orders.orders import defaults, events, view
from hardware_orders.orders.commands import Cancel, Progress, Receive, Settle
from hardware_orders.orders.decide import PORTFOLIO_CHANGED, Decision, decide, receive
from hardware_orders.orders.order import NO_HASH
from hardware_orders.orders.status import BOOKED, SHIPPED, Code, Intent
from hardware_orders.portfolio.portfolio import parse_portfolios

ORDER_ID = "01994c3e-5a10-7c2b-9d41-7f0a3b5c8e21"
_EVENT_IDS = ("01994c3e-5a11-7a60-8c15-2b9d4f6e7a01", "01994c3e-5a2c-7d18-b3f4-6c0e8a1d5f02")
_ACTOR = Actor("00000000-0000-4000-8000-00000000000a", "Ann Example")
_FULFILMENT = Actor("00000000-0000-4000-8000-00000000000f", "Warehouse")
_NOW = datetime(2026, 11, 23, 9, 5, tzinfo=UTC)
_A_MOMENT = timedelta(milliseconds=28)
_FIRST_POSITION = 4711
_SALT = "5f" * events.SALT_BYTES


def _sample(number: int) -> dict[str, Any]:
    body: dict[str, Any] = samples.orders()[number]["steps"][0]["body"]
    return body


_COMPLETE, _TWO_FIELDS = _sample(0), _sample(1)
_PROGRESS = {
    "status": "INPROGRESS",
    "detailedStatus": "FULFILMENT_SHIPPED",
    "trackingReference": "1Z999AA10123456784",
}
_CANCELLATION = {"cancelReasonEnum": "ORDER_LATE", "cancelAdditionalReason": "The shop has closed."}


_CHANGES = [{"pointer": "/notes", "old": "Ring twice.", "new": "Deliver to the back door."}]
# Of the samples' first customer, so small that its preview is read at a glance.
_PORTFOLIO = {
    "portfolioUid": "6f1d2a54-0b7e-4c1b-9d3a-2f8c51e0a701",
    "version": 7,
    "name": "Shops",
    "customerEntityUid": _TWO_FIELDS["customerEntityUid"],
    "isDefault": True,
    "defaults": {"merchant": {"siteReferenceId": "MIR"}},
    "requestedDate": {"leadTimeDays": 5, "businessDays": True, "cutOff": "15:00", "timeZone": "Europe/Paris"},
    "required": {"fields": ["poRef"]},
}


def _preview() -> dict[str, Any]:
    """What the portfolio makes of the two fields; JSON has no tuples."""
    (portfolio,) = parse_portfolios({"portfolios": [_PORTFOLIO]})
    shown: dict[str, Any] = orjson.loads(orjson.dumps(preview_answer.of(defaults.derive(_TWO_FIELDS, portfolio, _NOW))))
    return shown


def _received(body: dict[str, Any], intent: Intent) -> Decision:
    command = Receive(ORDER_ID, canonical.text(body), body, intent, simplified=False, actor=_ACTOR)
    return receive(command, _NOW)


def _settled(received: Decision) -> Decision:
    return decide(received.order, Settle(None), _NOW + _A_MOMENT)


def _cancelled() -> Decision:
    command = Cancel(_CANCELLATION["cancelReasonEnum"], _CANCELLATION["cancelAdditionalReason"], _ACTOR)
    return decide(_settled(_received(_TWO_FIELDS, Intent.SUBMIT)).order, command, _NOW + timedelta(minutes=12))


def _progressed() -> Decision:
    said = (None, None, _PROGRESS["trackingReference"], None, _FULFILMENT)
    submitted = _settled(_received(_COMPLETE, Intent.SUBMIT)).order
    booked = decide(submitted, Progress(BOOKED, *said), _NOW + timedelta(hours=2)).order
    return decide(booked, Progress(SHIPPED, *said), _NOW + timedelta(hours=26))


def _answered(decision: Decision) -> dict[str, Any]:
    order = decision.order
    shown = view.as_json(order)
    minutes = int((order.modified_date - order.created_date).total_seconds()) // 60
    shown["internal"]["orderStats"] = {"minsSinceCreatedToLastUpdate": minutes, "minsSinceLastStatusUpdate": 0}
    return shown


def _timeline() -> dict[str, Any]:
    """The events of an order from its making to its submission, with the chain that such events have."""
    received = _received(_TWO_FIELDS, Intent.SUBMIT)
    settled = _settled(received)
    told, before, last_hash = [], None, NO_HASH
    for number, decision in enumerate((received, settled)):
        _, row = events.record(before, decision)
        row |= {"event_id": _EVENT_IDS[number], "salt": _SALT, "position": _FIRST_POSITION + number}
        row["digest"] = events.digest(_SALT, row["actor"], row["data"])
        row["hash"] = last_hash = events.chain(last_hash, row)
        told.append(json.loads(cloudevent.as_text(SimpleNamespace(**row), hash=row["hash"], digest=row["digest"])))
        before = decision.order
    return {"events": told, "nextAfter": _FIRST_POSITION + len(told) - 1}


def _problem(problem: Problem, instance: str = "/orders/hardware") -> dict[str, Any]:
    return problems.as_json(problem, instance, instants.text(_NOW))


def _problems() -> dict[str, tuple[str, Any]]:
    """By the name of the response that each is an example of."""
    of_order = f"/orders/{ORDER_ID}"
    faults = check_order({"orderReference": "", "merchant": {"mcc": "12a4"}, "colour": "red"}, complete=False)
    forbidden = Problem(403, "The token does not allow orders for this customerEntityUid.", param="customerEntityUid")
    return {
        "invalid": ("Fields at fault", _problem(problems.invalid(faults))),
        "unauthenticated": ("No token", _problem(Problem(401, "Send one token: `Authorization: Bearer …`."))),
        "forbidden": ("Another's customer", _problem(forbidden)),
        "notFound": ("No such order", _problem(Problem(404, str(NoSuchOrderError(ORDER_ID))), of_order)),
        "conflict": (
            "A submitted order",
            _problem(
                Problem(
                    409,
                    "The order is SUBMITTED and cannot be replaced; only an order that has not been submitted can be.",
                ),
                f"/orders/hardware/{ORDER_ID}",
            ),
        ),
        "gone": ("Kept no more", _problem(Problem(410, str(EventsGoneError(1_048_577))), "/events")),
        "stale": ("Another version", _problem(Problem(412, str(StaleVersionError())), of_order)),
        "keyInFlight": ("The first is on its way", _problem(Problem(409, str(KeyInFlightError())))),
        "portfolioChanged": (
            "A newer portfolio",
            _problem(
                Problem(409, f"{PORTFOLIO_CHANGED}: /notes.", extension={"changes": _CHANGES}),
                f"/orders/drafts/{ORDER_ID}",
            ),
        ),
        "notDerivable": (
            "An unknown customer",
            _problem(preview_answer.not_derivable(Code.UNKNOWN_CUSTOMER), "/orders/hardware/preview"),
        ),
        "webhookRefused": (
            "Too many",
            _problem(Problem(409, "There are 1000 webhook endpoints, which is the most; remove one."), "/webhooks"),
        ),
        "tooLarge": ("Too large", _problem(Problem(413, "The body is larger than the 4 MiB that an order may have."))),
        "unsupportedMediaType": (
            "Another media type",
            _problem(Problem(415, "Send the body as `Content-Type: application/json`, in UTF-8.")),
        ),
        "tooSlow": (
            "Too slow",
            _problem(Problem(408, "The request did not arrive within 25 seconds; send it again, faster.")),
        ),
        "tooMany": ("The rate is used up", _problem(Problem(429, "Too many requests; try again in 3 s."))),
        "headTooLarge": (
            "Too many fields",
            _problem(Problem(431, "A request has at most 100 header fields, and 32 KiB before its body.")),
        ),
        "keyReused": ("The key is taken", _problem(Problem(422, str(KeyReusedError())))),
        "fault": ("A fault", _problem(Problem(500, "The service made a mistake; it has been logged."), of_order)),
        "unavailable": ("Too much at once", _problem(Problem(503, str(OverloadedError())))),
    }


def _lines() -> str:
    """Two orders as a batch has them, the second with options of its own."""
    options = {"simplified": True, "idempotencyKey": "shop-17"}
    return "".join(f"{canonical.text(line)}\n" for line in (_COMPLETE, {**_TWO_FIELDS, **options}))


def _batch() -> dict[str, Any]:
    made = {"orderReference": _COMPLETE["orderReference"], "orderId": ORDER_ID, "error": None}
    faults = check_order({**_TWO_FIELDS, "colour": "red"})
    failed = {"orderReference": None, "orderId": None, "error": line_error.of(1, problems.invalid(faults))}
    return {
        "batchId": ORDER_ID,
        "status": BatchStatus.SETTLED.value,
        "accepted": 1,
        "settled": 1,
        "failed": 1,
        "settledAt": "2026-11-23T09:30:01.5Z",
        "items": [
            {"index": 0, **made, "status": Status.SUBMITTED.value},
            {"index": 1, **failed, "status": FAILED},
        ],
        "nextCursor": None,
    }


# The bodies with which an order is made or replaced, by name.
ORDER_BODIES = {
    "twoFields": ("The least: with the simplified flow the portfolio gives the rest", _TWO_FIELDS),
    "complete": ("A complete order", _COMPLETE),
}


def examples() -> dict[str, Any]:
    """All examples by name, for the document's `components`."""
    said = {
        **ORDER_BODIES,
        "preview": ("Two fields become more, and one is missing", _preview()),
        "cancellation": ("A reason, and more about it", _CANCELLATION),
        "received": ("Stored, not yet settled", _answered(_received(_TWO_FIELDS, Intent.SUBMIT))),
        "submitted": ("Submitted", _answered(_settled(_received(_COMPLETE, Intent.SUBMIT)))),
        "draft": ("A draft", _answered(_settled(_received(_COMPLETE, Intent.DRAFT)))),
        "cancelled": ("Cancelled", _answered(_cancelled())),
        "progress": ("Shipped", _PROGRESS),
        "progressed": ("On its way", _answered(_progressed())),
        "lines": ("Two orders", _lines()),
        "batch": ("An order, and a line that is none", _batch()),
        "events": ("Received and submitted", _timeline()),
        **webhook_examples.examples(ORDER_ID, _EVENT_IDS[1], instants.text(_NOW)),
        **_problems(),
    }
    return {name: {"summary": summary, "value": value} for name, (summary, value) in said.items()}
