"""Settling under the simplified flow: what each answer of the Portfolio Service makes of an order, and when it asks again."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from hardware_orders.orders.commands import Settle, Submit
from hardware_orders.orders.decide import INFORMATION_CHARACTERS, Decision, decide
from hardware_orders.orders.defaults import DerivedField
from hardware_orders.orders.order import Order
from hardware_orders.orders.status import Code, DetailedStatus, EventType, Intent, Status
from hardware_orders.portfolio.lookup import Found, NotConfigured, Outcome, Unavailable, UnknownCustomer
from tests.orders.samples import (
    ADA,
    BEFORE,
    NOW,
    OTHER_PORTFOLIO,
    PORTFOLIO,
    a_body,
    a_portfolio,
    an_order,
    as_sent,
    found,
)

SETTLED: dict[str, Any] = {"due_at": None, "intent": None, "due_actor": None, "attempts": 0, "lookups": 0}
RINGS = {"notes": "Ring."}
AWAY = Unavailable("It is away.")
LEAD_TIME = {"requestedDate": {"leadTimeDays": 2, "timeZone": "UTC"}}


def waiting(intent: Intent, status: Status = Status.RECEIVED, **body: Any) -> Order:
    sent = a_body(**body)
    return an_order(status, intent, simplified=True, sent=as_sent(sent), body=sent)


def drafted(outcome: Outcome, now: datetime = BEFORE, **body: Any) -> Order:
    return decide(waiting(Intent.DRAFT, **body), Settle(outcome), now).order


def submitted(draft: Order, outcome: Outcome, now: datetime = NOW) -> Order:
    return decide(decide(draft, Submit(ADA), now).order, Settle(outcome), now).order


@pytest.mark.parametrize(
    ("intent", "status", "event"),
    [
        (Intent.DRAFT, Status.DRAFT, EventType.DRAFTED),
        (Intent.SUBMIT, Status.SUBMITTED, EventType.SUBMITTED),
    ],
)
def test_a_portfolio_completes_the_order(intent: Intent, status: Status, event: EventType) -> None:
    order = waiting(intent)
    expected = order._replace(
        version=4,
        status=status,
        detailed_status=DetailedStatus(status),
        status_changed_at=NOW,
        body=a_body(notes="Ring."),
        derived=(DerivedField("/notes", "Ring.", "default", PORTFOLIO, 5, "default"),),
        derived_at=NOW,
        portfolio_uid=PORTFOLIO,
        portfolio_version=5,
        submitted_at=NOW if intent is Intent.SUBMIT else None,
        modified_date=NOW,
        **SETTLED,
    )
    assert decide(order, Settle(found(5, defaults=RINGS)), NOW) == Decision(expected, event, ADA)


def test_the_caller_picks_the_portfolio() -> None:
    other = a_portfolio(uid=OTHER_PORTFOLIO, is_default=False, defaults=RINGS)
    outcome = Found((a_portfolio(defaults={"notes": "default"}), other))
    chosen = waiting(Intent.SUBMIT, packageDetails={"portfolioUid": OTHER_PORTFOLIO, "basePackageBundle": {}})
    assert decide(chosen, Settle(outcome), NOW).order.body["notes"] == "Ring."
    assert decide(waiting(Intent.SUBMIT), Settle(outcome), NOW).order.body["notes"] == "default"


@pytest.mark.parametrize("status", [Status.RECEIVED, Status.DRAFT, Status.ONHOLD])
@pytest.mark.parametrize("intent", Intent)
@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (UnknownCustomer(), Code.UNKNOWN_CUSTOMER),
        (NotConfigured(), Code.PORTFOLIO_NOT_CONFIGURED),
        (None, Code.PORTFOLIO_NOT_CONFIGURED),
        (found(), Code.UNKNOWN_PORTFOLIO),
    ],
)
def test_what_cannot_be_derived_is_held(outcome: Outcome | None, code: Code, intent: Intent, status: Status) -> None:
    order = waiting(intent, status, packageDetails={"portfolioUid": OTHER_PORTFOLIO})
    decision = decide(order, Settle(outcome), NOW)
    assert decision.event is EventType.HELD
    assert decision.order == order._replace(
        version=4,
        status=Status.ONHOLD,
        detailed_status=DetailedStatus.REQUIRES_ATTENTION,
        code=code,
        information=decision.order.information,
        status_changed_at=NOW,
        modified_date=NOW,
        **SETTLED,
    )
    assert decision.order.information


@pytest.mark.parametrize(
    ("intent", "status", "event"),
    [(Intent.DRAFT, Status.DRAFT, EventType.DRAFTED), (Intent.SUBMIT, Status.ONHOLD, EventType.HELD)],
)
def test_missing_fields_are_named(intent: Intent, status: Status, event: EventType) -> None:
    decision = decide(waiting(intent), Settle(found(required={"fields": ["poRef", "notes"]})), NOW)
    assert (decision.order.status, decision.event) == (status, event)
    assert decision.order.code == "MISSING_FIELDS"
    assert decision.order.information == "Required, and not to be derived from the portfolio: /notes, /poRef."
    assert decision.order.submitted_at is None


def test_the_information_stays_short() -> None:
    required = {"additionalOrderData": {"FRA": [f"QUESTION_{number}" for number in range(100)]}}
    merchant = {"companyAddress": {"country": "FRA"}}
    held = decide(waiting(Intent.SUBMIT, merchant=merchant), Settle(found(required=required)), NOW).order
    assert held.information is not None
    assert len(held.information) == INFORMATION_CHARACTERS
    assert held.information.endswith("…")


# Asking again


@pytest.mark.parametrize(("lookups", "backoff"), [(0, 1), (1, 2), (2, 4), (3, 8), (4, 15), (5, 15), (10_000, 15)])
def test_an_unavailable_service_is_asked_again_later(lookups: int, backoff: float) -> None:
    order = waiting(Intent.SUBMIT)._replace(lookups=lookups)
    decision = decide(order, Settle(AWAY), NOW)
    assert decision.event is None
    assert decision.order == order._replace(due_at=decision.order.due_at, attempts=0, lookups=lookups + 1)
    assert decision.order.due_at is not None
    assert timedelta(seconds=backoff / 2) <= decision.order.due_at - NOW <= timedelta(seconds=backoff)


def test_orders_of_one_moment_ask_again_at_different_moments() -> None:
    orders = [waiting(Intent.SUBMIT)._replace(order_id=f"order-{number}") for number in range(50)]
    assert len({decide(order, Settle(AWAY), NOW).order.due_at for order in orders}) == 50


# A draft remembers what it showed


def test_a_draft_is_submitted_when_a_newer_portfolio_gives_the_same() -> None:
    draft = drafted(found(1, defaults=RINGS))
    order = submitted(draft, found(2, defaults=RINGS))
    assert (order.status, order.portfolio_version, order.body) == (Status.SUBMITTED, 2, draft.body)


@pytest.mark.parametrize(
    ("newer", "pointers"),
    [
        ({"defaults": {"notes": "Knock."}}, "/notes"),
        ({"defaults": {}}, "/notes"),
        ({"defaults": RINGS | {"poRef": "P-1"}}, "/poRef"),
        ({"defaults": {"poRef": "P-1"}}, "/notes, /poRef"),
    ],
)
def test_a_newer_portfolio_that_changes_a_value_leaves_the_draft_as_it_was(newer: Any, pointers: str) -> None:
    draft = drafted(found(1, defaults=RINGS))
    order = submitted(draft, found(2, **newer))
    assert order == draft._replace(
        version=draft.version + 1,
        code="PORTFOLIO_CHANGED",
        information="The portfolio has changed since the draft was saved. "
        f"Replace the order to take the new values: {pointers}.",
        status_changed_at=NOW,
        modified_date=NOW,
    )


def test_another_default_portfolio_counts_as_a_change() -> None:
    draft = drafted(found(1, defaults=RINGS))
    order = submitted(draft, found(1, uid=OTHER_PORTFOLIO, defaults={"notes": "Knock."}))
    assert (order.status, order.code) == (Status.DRAFT, "PORTFOLIO_CHANGED")


def test_time_that_passes_changes_no_computed_date() -> None:
    draft = drafted(found(1, **LEAD_TIME))
    order = submitted(draft, found(2, **LEAD_TIME), NOW + timedelta(days=3))
    assert (order.status, order.body) == (Status.SUBMITTED, draft.body)


def test_a_draft_that_was_held_in_between_still_remembers() -> None:
    draft = drafted(found(1, defaults=RINGS))
    held = submitted(draft, UnknownCustomer())
    assert held.status is Status.ONHOLD
    assert submitted(held, found(2, defaults={"notes": "Knock."})).code == "PORTFOLIO_CHANGED"


def test_a_submission_that_never_showed_a_draft_takes_what_the_portfolio_says() -> None:
    held = decide(waiting(Intent.SUBMIT), Settle(UnknownCustomer()), BEFORE).order
    order = submitted(held, found(9, defaults=RINGS))
    assert (order.status, order.body["notes"]) == (Status.SUBMITTED, "Ring.")


def test_what_the_client_sent_is_derived_from_and_never_what_was_derived_before() -> None:
    order = waiting(Intent.DRAFT, Status.DRAFT)
    stale = order._replace(body=a_body(notes="of an old portfolio"))
    assert decide(stale, Settle(found(2)), NOW).order.body == a_body()


def test_a_held_submission_resumes_once_the_portfolio_gives_what_was_missing() -> None:
    needs = {"required": {"fields": ["notes"]}}
    held = decide(waiting(Intent.SUBMIT), Settle(found(1, **needs)), BEFORE).order
    assert held.code == "MISSING_FIELDS"
    order = submitted(held, found(2, **needs, defaults=RINGS))
    assert (order.status, order.body["notes"]) == (Status.SUBMITTED, "Ring.")


def test_a_draft_that_lacks_one_field_does_not_silently_gain_another() -> None:
    draft = drafted(found(1, required={"fields": ["poRef"]}))
    assert draft.code == "MISSING_FIELDS"
    order = submitted(draft, found(2, defaults=RINGS))
    assert (order.status, order.code) == (Status.DRAFT, "PORTFOLIO_CHANGED")
