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
from hardware_orders.errors import NotAllowedError
from hardware_orders.orders import events, view
from hardware_orders.orders.commands import Cancel, Command, Park, Receive, Replace, Settle, Submit
from hardware_orders.orders.decide import Decision, decide, receive
from hardware_orders.orders.order import NO_HASH, Order
from hardware_orders.orders.status import TRANSITIONS, Code, EventType, Intent, Status
from hardware_orders.portfolio.lookup import NotConfigured, Unavailable, UnknownCustomer
from tests.orders.samples import ADA, BOB, CREATED, ORDER_ID, a_body, as_sent, found

MOVES = {(row.source, row.target, row.detailed, row.event) for row in TRANSITIONS}
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
    """The model: the status, what is waited for, what the client sent, and what the draft showed as derived."""

    @initialize(body=BODIES, intent=st.sampled_from(Intent), simplified=st.booleans())
    def received(self, body: dict[str, Any], intent: Intent, simplified: bool) -> None:  # noqa: FBT001
        self.now: datetime = CREATED
        self.rows: list[dict[str, Any]] = []
        self.model: dict[str, Any] = {"status": "RECEIVED", "intent": intent, "sent": as_sent(body), "shown": None}
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
        sent, shown, submits = json.loads(self.model["sent"]), self.model["shown"], self.model["intent"] == "SUBMIT"
        derived = {"/notes": notes} if notes and "notes" not in sent else {}
        self._do(Settle(outcome))
        if self.simplified and submits and shown is not None and shown != derived:
            self._rests("DRAFT", "PORTFOLIO_CHANGED")
            return
        if self.simplified:
            self.model["shown"] = derived
            assert {row.pointer: row.value for row in self.order.derived or ()} == derived
        if self.simplified and needs_po_ref and "poRef" not in sent:
            self._rests("ONHOLD" if submits else "DRAFT", "MISSING_FIELDS")
        else:
            self._rests("SUBMITTED" if submits else "DRAFT", None)

    @precondition(lambda self: self.model["intent"])
    @rule(
        outcome=st.sampled_from(
            [(UnknownCustomer(), "UNKNOWN_CUSTOMER"), (NotConfigured(), "PORTFOLIO_NOT_CONFIGURED")]
        )
    )
    def settled_without_a_portfolio(self, outcome: tuple[Any, str]) -> None:
        submits = self.model["intent"] == "SUBMIT"
        self._do(Settle(outcome[0]))
        if self.simplified:
            self._rests("ONHOLD", outcome[1])
        else:
            self._rests("SUBMITTED" if submits else "DRAFT", None)

    @precondition(lambda self: self.model["intent"] and self.simplified)
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
        self._rests("ONHOLD", "POISON")

    @rule(body=BODIES)
    def replaced(self, body: dict[str, Any]) -> None:
        editable = self.model["status"] in ("RECEIVED", "DRAFT", "ONHOLD") and self.model["intent"] != "SUBMIT"
        if self._is_done(Replace(as_sent(body), body, BOB), allowed=editable):
            waits = self.simplified or self.model["intent"]
            self.model.update(sent=as_sent(body), shown=None, intent="DRAFT" if waits else None)
            self.model["status"] = "RECEIVED" if self.model["status"] == "RECEIVED" else "DRAFT"

    @rule()
    def submission_asked_for(self) -> None:
        allowed = self.model["status"] in ("RECEIVED", "DRAFT", "ONHOLD")
        if self._is_done(Submit(BOB), allowed=allowed):
            self.model["intent"] = "SUBMIT"

    @rule()
    def cancelled(self) -> None:
        allowed = self.model["status"] in ("RECEIVED", "DRAFT", "SUBMITTED", "ONHOLD")
        if self._is_done(Cancel("OTHER", None, BOB), allowed=allowed):
            self._rests("CANCELLED", None)

    def _is_done(self, command: Command, *, allowed: bool) -> bool:
        if allowed:
            self._do(command)
            return True
        with pytest.raises(NotAllowedError):
            decide(self.order, command, self.now)
        return False

    def _do(self, command: Command) -> None:
        self._record(self.order, decide(self.order, command, self.now))

    def _rests(self, status: str, code: str | None) -> None:
        self.model.update(status=status, intent=None)
        assert self.order.code == code

    def _record(self, before: Order | None, decision: Decision) -> None:
        if decision.event is None:
            assert before is not None
            assert view.as_json(decision.order) == view.as_json(before)
            self.order = decision.order
            return
        self.order, row = events.record(before, decision)
        move = (before.status if before else None, self.order.status, self.order.detailed_status, decision.event)
        assert move in MOVES
        self.rows.append(row)

    @invariant()
    def the_order_is_what_the_model_says(self) -> None:
        order = self.order
        assert (order.status, order.intent, order.sent) == tuple(
            self.model[name] for name in ("status", "intent", "sent")
        )
        assert (order.due_at is None, order.due_actor is None) == (order.intent is None, order.intent is None)
        assert not order.is_waiting or order.status in (Status.RECEIVED, Status.DRAFT, Status.ONHOLD)
        assert order.status is not Status.RECEIVED or order.is_waiting
        assert (order.submitted_at is not None) == any(row["type"] == EventType.SUBMITTED for row in self.rows)
        assert (order.code is not None) == (order.information is not None)

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
TestLifecycle.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
