"""Whatever is done to an order, in whatever sequence: what must hold of it and of its events after every step."""

import itertools
import json
from copy import deepcopy
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from hardware_orders import canonical
from hardware_orders.contract.enums import Status
from hardware_orders.errors import NotAllowedError
from hardware_orders.orders import events, view
from hardware_orders.orders.commands import (
    Cancel,
    Command,
    Discard,
    Park,
    Progress,
    Receive,
    Replace,
    Settle,
    Submission,
    Submit,
)
from hardware_orders.orders.decide import Decision, decide, receive
from hardware_orders.orders.order import NO_HASH, Order
from hardware_orders.orders.status import TRANSITIONS, Act, Code, EventType, Intent, State
from hardware_orders.portfolio.lookup import NotConfigured, Unavailable, UnknownCustomer
from tests.orders.samples import ADA, BOB, CREATED, ORDER_ID, a_body, as_sent, found

MOVES = {(row.source, row.target, row.event) for row in TRANSITIONS}
BEFORE_SUBMISSION = ("RECEIVED", "DRAFT", "REQUIRES_ATTENTION")
REPORTS = sorted({row.target for row in TRANSITIONS if row.act is Act.PROGRESS})
OUR_CODES = {code.value for code in Code}
REPORTED_MOVES = {(row.source, row.target) for row in TRANSITIONS if row.act is Act.PROGRESS}
BODIES = st.fixed_dictionaries(
    {}, optional={"notes": st.sampled_from(["mine", "~/ü\n"]), "poRef": st.just("P-1"), "requestedDate": st.none()}
).map(lambda body: a_body(**{name: value for name, value in body.items() if value is not None}))
NOTES = st.sampled_from([None, "Ring.", "Knock."])


def applied(order: Any, changes: list[dict[str, Any]]) -> Any:
    """The order after these changes, as a reader of the timeline would make it who knows JSON Pointer and no more."""
    after = deepcopy(order)
    for change in changes:
        *path, last = [step.replace("~1", "/").replace("~0", "~") for step in change["pointer"].split("/")[1:]]
        holder = after
        for step in path:
            holder = holder[step]
        assert ("old" in change) == (last in holder)
        if "old" in change:
            assert holder.pop(last) == change["old"]
        if "new" in change:
            holder[last] = change["new"]
    return after


def verifies(rows: list[dict[str, Any]], last_hash: str) -> bool:
    """What a reader who has the rows and the order's last hash can check."""
    previous = NO_HASH
    for sequence, row in enumerate(rows, start=1):
        if row["sequence"] != sequence or row["digest"] != events.digest(row["salt"], row["actor"], row["data"]):
            return False
        if row["hash"] != events.chain(previous, row):
            return False
        previous = row["hash"]
    return previous == last_hash


class Lifecycle(RuleBasedStateMachine):
    """The model: where it stands (the detailed status; RECEIVED has none), what is waited for, what the client sent,
    what the draft showed as derived, and the last report of progress.
    """

    @initialize(body=BODIES, intent=st.sampled_from([Intent.DRAFT, Intent.SUBMIT]), simplified=st.booleans())
    def received(self, body: dict[str, Any], intent: Intent, simplified: bool) -> None:  # noqa: FBT001
        self.now: datetime = CREATED
        self.rows: list[dict[str, Any]] = []
        self.model: dict[str, Any] = {
            "stands": "RECEIVED",
            "intent": intent,
            "sent": as_sent(body),
            "shown": None,
            "report": None,
        }
        self.simplified = simplified
        command = Receive(ORDER_ID, as_sent(body), body, intent, simplified, ADA)
        self._record(None, receive(command, self.now))

    @rule(seconds=st.integers(-7_200, 7_200))
    def time_passes_or_goes_back(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @precondition(lambda self: self.model["intent"])
    @rule(version=st.integers(1, 3), notes=NOTES, needs_po_ref=st.booleans())
    def settled_with_a_portfolio(self, version: int, notes: str | None, needs_po_ref: bool) -> None:  # noqa: FBT001
        members = {"defaults": {"notes": notes} if notes else {}, "required": {"fields": ["poRef"]}}
        outcome = found(version, **members if needs_po_ref else {"defaults": members["defaults"]})
        sent, shown, submits = json.loads(self.model["sent"]), self.model["shown"], self.model["intent"] != "DRAFT"
        derived = {"/notes": notes} if notes and "notes" not in sent else {}
        lacks = needs_po_ref and "poRef" not in sent
        self._do(Settle(outcome))
        if self.simplified and self.model["intent"] == "SUBMIT" and shown is not None and shown != derived:
            self._rests("DRAFT", "PORTFOLIO_CHANGED")
            assert {row["pointer"] for row in self.order.portfolio_changes} == {"/notes"}
            return
        if self.simplified and self.model["intent"] == "PINNED":
            lacks = bool(self.order.missing)
            assert {row.pointer: row.value for row in self.order.derived or ()} == shown
        elif self.simplified:
            self.model["shown"] = derived
            assert {row.pointer: row.value for row in self.order.derived or ()} == derived
        if self.simplified and lacks:
            self._rests("REQUIRES_ATTENTION" if submits else "DRAFT", "MISSING_FIELDS")
        else:
            self._rests("SUBMITTED" if submits else "DRAFT", None)

    @precondition(lambda self: self.model["intent"])
    @rule(
        outcome=st.sampled_from(
            [(UnknownCustomer(), "UNKNOWN_CUSTOMER"), (NotConfigured(), "PORTFOLIO_NOT_CONFIGURED")]
        )
    )
    def settled_without_a_portfolio(self, outcome: tuple[Any, str]) -> None:
        submits, is_pinned = self.model["intent"] != "DRAFT", self.model["intent"] == "PINNED"
        self._do(Settle(outcome[0]))
        if self.simplified and is_pinned:
            self._rests(*(("REQUIRES_ATTENTION", "MISSING_FIELDS") if self.order.missing else ("SUBMITTED", None)))
        elif self.simplified:
            self._rests("REQUIRES_ATTENTION", outcome[1])
        else:
            self._rests("SUBMITTED" if submits else "DRAFT", None)

    @precondition(lambda self: self.model["intent"] not in (None, "PINNED") and self.simplified)
    @rule()
    def portfolio_service_away(self) -> None:
        before = self.order
        self._do(Settle(Unavailable("It is away.")))
        assert self.order.lookups == before.lookups + 1
        assert self.order.due_at is not None
        assert self.order.due_at > self.now

    @precondition(lambda self: self.model["intent"])
    @rule()
    def parked(self) -> None:
        self._do(Park(Code.POISON, "It was set aside."))
        self._rests("REQUIRES_ATTENTION", "POISON")

    @rule(body=BODIES)
    def replaced(self, body: dict[str, Any]) -> None:
        if self._is_done(Replace(as_sent(body), body, BOB), allowed=self._is_editable()):
            waits = self.simplified or self.model["intent"]
            self.model.update(sent=as_sent(body), shown=None, intent="DRAFT" if waits else None)
            self.model["stands"] = "RECEIVED" if self.model["stands"] == "RECEIVED" else "DRAFT"

    @rule(intent=st.sampled_from([Intent.SUBMIT, Intent.PINNED, Intent.LATEST]))
    def submission_asked_for(self, intent: Submission) -> None:
        joins = self.model["intent"] not in (None, "DRAFT")
        has_values = intent is not Intent.PINNED or not self.simplified or self.model["shown"] is not None
        allowed = joins or (self.model["stands"] in BEFORE_SUBMISSION and has_values)
        if self._is_done(Submit(BOB, intent), allowed=allowed) and not joins:
            self.model["intent"] = intent

    @rule()
    def discarded(self) -> None:
        if self._is_done(Discard(BOB), allowed=self._is_editable()):
            self._rests("CANCELED_BYUSER", None)
            assert self.order.discarded_at == self.order.modified_date

    @rule()
    def cancelled(self) -> None:
        before = self.order
        if self._is_done(Cancel("OTHER", None, BOB), allowed=before.can_cancel):
            at_once = self.model["stands"] in (*BEFORE_SUBMISSION, "SUBMITTED")
            self._rests("CANCELED_BYUSER" if at_once else "CANCEL_REQUESTED", None)
            assert len(self.order.cancellations) == len(before.cancellations) + 1

    @precondition(lambda self: self.model["stands"] not in BEFORE_SUBMISSION)
    @rule(state=st.sampled_from(REPORTS), code=st.sampled_from([None, "C"]), number=st.sampled_from([None, 1, 2]))
    def progress_reported(self, state: State, code: str | None, number: int | None) -> None:
        report = Progress(state, code, None, None, number, BOB)
        known = self.order.order_number
        same = (state, code, number or known) == (self.order.state, self.order.code, known)
        version = self.order.version
        if self._is_done(report, allowed=same or (self.order.state, state) in REPORTED_MOVES):
            assert self.order.version == version + (not same)
            assert self.order.order_number == (number or known)
            self._rests(state.detailed, code)
            self.model["report"] = report

    @precondition(lambda self: self.model["report"] and self.model["report"].state == self.order.state)
    @rule()
    def last_report_made_again(self) -> None:
        before = self.order
        self._do(self.model["report"])
        assert self.order is before

    def _is_done(self, command: Command, *, allowed: bool) -> bool:
        if allowed:
            self._do(command)
            return True
        with pytest.raises(NotAllowedError):
            decide(self.order, command, self.now)
        return False

    def _do(self, command: Command) -> None:
        self._record(self.order, decide(self.order, command, self.now))

    def _is_editable(self) -> bool:
        return self.model["stands"] in BEFORE_SUBMISSION and self.model["intent"] in (None, "DRAFT")

    def _rests(self, stands: str | None, code: str | None) -> None:
        self.model.update(stands=stands, intent=None)
        assert self.order.code == code

    def _record(self, before: Order | None, decision: Decision) -> None:
        if decision.event is None:
            assert before is not None
            assert view.as_json(decision.order) == view.as_json(before)
            self.order = decision.order
            return
        self.order, row = events.record(before, decision)
        assert (before.state if before else None, self.order.state, decision.event) in MOVES
        self.rows.append(row)

    @invariant()
    def the_order_is_what_the_model_says(self) -> None:
        order = self.order
        assert (order.detailed_status or order.status, order.intent, order.sent) == tuple(
            self.model[name] for name in ("stands", "intent", "sent")
        )
        assert (order.due_at is None, order.due_actor is None) == (order.intent is None, order.intent is None)
        assert not order.is_waiting or self.model["stands"] in BEFORE_SUBMISSION
        assert order.status is not Status.RECEIVED or order.is_waiting
        assert (order.submitted_at is not None) == any(row["type"] == EventType.SUBMITTED for row in self.rows)
        assert (order.discarded_at is not None) == any(row["type"] == EventType.DISCARDED for row in self.rows)
        # The service always says why; fulfilment in this test never does.
        assert (order.information is not None) == (order.code in OUR_CODES)
        assert bool(order.portfolio_changes) == (order.code == "PORTFOLIO_CHANGED")

    @invariant()
    def what_the_client_sent_stays(self) -> None:
        sent = json.loads(self.order.sent)
        assert {name: self.order.body[name] for name in sent} == sent
        derived = {row.pointer.removeprefix("/") for row in self.order.derived or ()}
        assert self.order.body.keys() - sent.keys() == derived

    @invariant()
    def every_version_has_its_event(self) -> None:
        assert [row["sequence"] for row in self.rows] == list(range(1, self.order.version + 1))
        instants = [row["occurred_at"] for row in self.rows]
        assert instants == sorted(instants)
        assert self.order.modified_date == instants[-1]

    @invariant()
    def the_events_tell_the_order(self) -> None:
        data = [json.loads(row["data"]) for row in self.rows]
        assert [row["data"] for row in self.rows] == [canonical.text(each) for each in data]
        assert data[0]["changes"] == []
        for before, after in itertools.pairwise(data):
            assert after["previousStatus"] == before["status"] == before["order"]["status"]
            assert applied(before["order"], after["changes"]) == after["order"]
        assert data[-1]["order"] == view.as_json(self.order)
        assert events.folded(deepcopy(data)) == view.as_json(self.order)

    def teardown(self) -> None:
        if not hasattr(self, "order"):
            return
        assert verifies(self.rows, self.order.last_hash)
        for number, row in enumerate(self.rows):
            for name, value in row.items():
                other = value + timedelta(microseconds=1) if isinstance(value, datetime) else self._other(value)
                altered = [*self.rows[:number], row | {name: other}, *self.rows[number + 1 :]]
                assert not verifies(altered, self.order.last_hash), name
            assert not verifies([*self.rows[:number], *self.rows[number + 1 :]], self.order.last_hash)

    def _other(self, value: Any) -> Any:
        return value + 1 if isinstance(value, int) else value + "0"


TestLifecycle = Lifecycle.TestCase
TestLifecycle.settings = settings(max_examples=80, stateful_step_count=25, deadline=None)
