"""Settling under the simplified flow: what each answer of the Portfolio Service makes of it, when it asks again."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from hardware_orders.contract.enums import DetailedStatus, Status
from hardware_orders.errors import NotAllowedError
from hardware_orders.orders.commands import Replace, Settle, Submission, Submit
from hardware_orders.orders.decide import INFORMATION_CHARACTERS, Decision, decide
from hardware_orders.orders.failures import Cause, Failure
from hardware_orders.orders.order import Order
from hardware_orders.orders.status import Code, EventType, Intent
from hardware_orders.portfolio.layer import DerivedField
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

SETTLED: dict[str, Any] = {
    "due_at": None,
    "waiting_since": None,
    "intent": None,
    "due_actor": None,
    "attempts": 0,
    "lookups": 0,
}
RINGS = {"notes": "Ring."}
AWAY = Unavailable("It is away.")
LEAD_TIME = {"requestedDate": {"leadTimeDays": 2, "timeZone": "UTC"}}


def waiting(intent: Intent, status: Status = Status.RECEIVED, **body: Any) -> Order:
    sent = a_body(**body)
    return an_order(status, intent, simplified=True, sent=as_sent(sent), body=sent)


def drafted(outcome: Outcome, now: datetime = BEFORE, **body: Any) -> Order:
    return decide(waiting(Intent.DRAFT, **body), Settle(outcome), now).order


def submitted(draft: Order, outcome: Outcome | None, now: datetime = NOW, intent: Submission = Intent.SUBMIT) -> Order:
    return decide(decide(draft, Submit(ADA, intent), now).order, Settle(outcome), now).order


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
@pytest.mark.parametrize("intent", [Intent.DRAFT, Intent.SUBMIT, Intent.LATEST])
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
    told = (Failure(NOW, NOW, 1, Cause.LOOKUP, AWAY.reason),)
    asked = order._replace(due_at=decision.order.due_at, attempts=0, lookups=lookups + 1, failures=told)
    assert decision.order == asked
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
    ("newer", "changes"),
    [
        ({"notes": "Knock."}, [{"pointer": "/notes", "old": "Ring.", "new": "Knock."}]),
        ({}, [{"pointer": "/notes", "old": "Ring."}]),
        (RINGS | {"poRef": "P-1"}, [{"pointer": "/poRef", "new": "P-1"}]),
        ({"poRef": "P-1"}, [{"pointer": "/notes", "old": "Ring."}, {"pointer": "/poRef", "new": "P-1"}]),
    ],
)
def test_a_newer_portfolio_that_changes_a_value_leaves_the_draft_as_it_was(
    newer: Any, changes: list[dict[str, str]]
) -> None:
    draft = drafted(found(1, defaults=RINGS))
    order = submitted(draft, found(2, defaults=newer))
    assert order == draft._replace(
        version=draft.version + 1,
        code="PORTFOLIO_CHANGED",
        information="The portfolio has changed since the draft was saved. Submit it with X-Portfolio-Version: latest to "
        f"take the new values, or pinned to keep those that it shows: {', '.join(row['pointer'] for row in changes)}.",
        portfolio_changes=tuple(changes),
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


# The caller chooses


@pytest.mark.parametrize("outcome", [found(2, defaults={"notes": "Knock."}), UnknownCustomer(), AWAY, None])
def test_a_pinned_draft_is_submitted_as_it_is_whatever_the_portfolio_says(outcome: Outcome | None) -> None:
    draft = drafted(found(1, defaults=RINGS, **LEAD_TIME))
    later = NOW + timedelta(days=9)
    assert submitted(draft, outcome, later, Intent.PINNED) == draft._replace(
        version=draft.version + 1,
        status=Status.SUBMITTED,
        detailed_status=DetailedStatus.SUBMITTED,
        status_changed_at=later,
        modified_date=later,
        submitted_at=later,
    )


def test_the_latest_values_are_derived_at_the_submission() -> None:
    draft = drafted(found(1, defaults=RINGS, **LEAD_TIME))
    later = NOW + timedelta(days=9)
    newer = found(2, defaults={"notes": "Knock."}, **LEAD_TIME)
    order = submitted(draft, newer, later, Intent.LATEST)
    assert (order.status, order.body) == (Status.SUBMITTED, drafted(newer, later).body)
    assert (order.body["notes"], order.portfolio_version, order.derived_at) == ("Knock.", 2, later)
    assert order.body["requestedDate"] != draft.body["requestedDate"]


def test_the_choice_waits_for_a_service_that_is_away() -> None:
    draft = drafted(found(1, defaults=RINGS))
    waits = submitted(draft, AWAY, NOW, Intent.LATEST)
    assert (waits.intent, waits.lookups) == (Intent.LATEST, 1)
    assert decide(waits, Settle(found(2, defaults={"notes": "Knock."})), NOW).order.body["notes"] == "Knock."


def test_another_choice_joins_the_submission_that_is_on_its_way() -> None:
    draft = drafted(found(1, defaults=RINGS))
    first = decide(draft, Submit(ADA, Intent.LATEST), NOW).order
    assert decide(first, Submit(ADA, Intent.PINNED), NOW).order is first


def test_what_was_never_completed_cannot_be_pinned() -> None:
    held = decide(waiting(Intent.SUBMIT), Settle(UnknownCustomer()), BEFORE).order
    for order in (held, waiting(Intent.DRAFT)):
        with pytest.raises(NotAllowedError, match="no values to keep; submit it with X-Portfolio-Version: latest"):
            decide(order, Submit(ADA, Intent.PINNED), NOW)


@pytest.mark.parametrize("intent", [Intent.PINNED, Intent.LATEST])
def test_outside_the_simplified_flow_there_is_nothing_to_choose(intent: Submission) -> None:
    draft = an_order(Status.DRAFT)
    assert submitted(draft, None, intent=intent) == submitted(draft, None)


def test_a_pinned_draft_that_lacks_a_field_is_parked() -> None:
    draft = drafted(found(1, required={"fields": ["poRef"]}))
    order = submitted(draft, None, intent=Intent.PINNED)
    assert (order.status, order.code, order.body) == (Status.ONHOLD, "MISSING_FIELDS", draft.body)


def test_the_difference_is_gone_with_the_next_change() -> None:
    stopped = submitted(drafted(found(1, defaults=RINGS)), found(2))
    assert stopped.portfolio_changes
    body = a_body(poRef="P-2")
    for after in (
        submitted(stopped, None, intent=Intent.PINNED),
        submitted(stopped, found(2), intent=Intent.LATEST),
        decide(stopped, Replace(as_sent(body), body, ADA), NOW).order,
    ):
        assert after.portfolio_changes == ()
