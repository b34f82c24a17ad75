"""The CloudEvent: what it says, that splicing is as good as parsing, and what becomes of one that is too large."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware_orders import canonical
from hardware_orders.actor import Actor
from hardware_orders.delivery.cloudevent import EVENT_MOST_BYTES, as_text
from hardware_orders.trace_context import Trace

ORDER_ID = "0197a1b2-0000-7000-8000-000000000001"
EVENT_ID = "0197a1b2-0000-7000-8000-000000000002"
ACTOR = {"name": 'Ada "the first"', "type": "user", "uid": "u-ada"}
DATA = {
    "previousStatus": "DRAFT",
    "status": "SUBMITTED",
    "changes": [{"pointer": "/status", "old": "DRAFT", "new": "SUBMITTED"}],
    "order": {"orderReference": "ORD-1", "notes": '}] "ü\\ \u2028'},
}


@dataclass
class Row:
    """A row of the log."""

    event_id: str = EVENT_ID
    order_id: str = ORDER_ID
    sequence: int = 2
    position: int | None = 17
    type: str = "order.submitted"
    occurred_at: datetime = datetime(2026, 11, 23, 8, 20, 0, 5, tzinfo=UTC)
    actor: str = canonical.text(ACTOR)
    data: str = canonical.text(DATA)


def with_notes(length: int, character: str = "x", **changed: Any) -> Row:
    order = {"orderReference": "ORD-1", "notes": character * length}
    changes = [{"pointer": "/notes", "new": character * 10}, {"pointer": "/a~1b", "old": 1}]
    return Row(data=canonical.text(DATA | {"order": order, "changes": changes}), **changed)


def just_within() -> Row:
    """A row whose event is as large as one may be, to the byte."""
    return with_notes(EVENT_MOST_BYTES - len(as_text(with_notes(0)).encode()))


def test_a_trace_is_told_beside_the_actor_and_not_as_a_part_of_it() -> None:
    trace = Trace("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "a=1")
    named = Actor("u-ada", 'Ada "the first"', trace)
    plain = json.loads(as_text(Row()))
    assert json.loads(as_text(Row(actor=named.as_text()))) == plain | trace._asdict()
    made_up = Actor("u-ada", '","traceparent":"00-')
    assert "traceparent" not in json.loads(as_text(Row(actor=made_up.as_text())))


def test_an_event() -> None:
    assert json.loads(as_text(Row())) == {
        "specversion": "1.0",
        "id": EVENT_ID,
        "source": "/orders",
        "type": "hardware-orders.order.submitted",
        "subject": ORDER_ID,
        "time": "2026-11-23T08:20:00.000005Z",
        "datacontenttype": "application/json",
        "sequence": "00000000000000000017",
        "data": {"actor": ACTOR, "position": 17, "sequence": 2, **DATA},
    }


def test_an_event_that_has_no_number_yet() -> None:
    event = json.loads(as_text(Row(position=None)))
    assert "sequence" not in event
    assert event["data"] == {"actor": ACTOR, "position": None, "sequence": 2, **DATA}


def test_the_time_is_told_in_utc() -> None:
    paris = datetime(2026, 11, 23, 9, 20, tzinfo=timezone(timedelta(hours=1)))
    assert json.loads(as_text(Row(occurred_at=paris)))["time"] == "2026-11-23T08:20:00.000000Z"


def test_further_attributes() -> None:
    event = json.loads(as_text(Row(), hash="ab", digest="cd"))
    assert (event["hash"], event["digest"]) == ("ab", "cd")


def test_sequences_sort_as_text_up_to_the_last_position() -> None:
    positions = [1, 9, 10, 999, 1_000, 2**53, 2**63 - 1]
    sequences = [json.loads(as_text(Row(position=position)))["sequence"] for position in positions]
    assert sequences == sorted(sequences)
    assert {len(sequence) for sequence in sequences} == {20}


def test_no_member_is_there_twice() -> None:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len({name for name, _ in pairs}) == len(pairs)
        return dict(pairs)

    json.loads(as_text(Row(), hash="ab"), object_pairs_hook=once)


def test_the_largest_event_is_told_whole() -> None:
    text = as_text(just_within())
    assert len(text.encode()) == EVENT_MOST_BYTES
    assert "dataref" not in json.loads(text)


def test_one_byte_more_refers_to_the_order() -> None:
    within = just_within()
    larger = Row(data=within.data.replace("ORD-1", "ORD-12"))
    event = json.loads(as_text(larger))
    assert event["dataref"] == f"/orders/{ORDER_ID}?version=2"
    assert event["data"] == {
        "actor": ACTOR,
        "position": 17,
        "sequence": 2,
        "previousStatus": "DRAFT",
        "status": "SUBMITTED",
        "changes": [{"pointer": "/notes"}, {"pointer": "/a~1b"}],
    }
    whole = json.loads(as_text(Row()))
    assert {name: value for name, value in event.items() if name not in ("data", "dataref")} == {
        name: value for name, value in whole.items() if name != "data"
    }


@pytest.mark.parametrize(("character", "size"), [("x", 1), ("ü", 2), ("€", 3), ("😀", 4)])
def test_bytes_are_counted_and_not_characters(character: str, size: int) -> None:
    few, many = (EVENT_MOST_BYTES - 1_000) // size, EVENT_MOST_BYTES // size + 1
    assert "dataref" not in json.loads(as_text(with_notes(few, character)))
    assert "dataref" in json.loads(as_text(with_notes(many, character)))


def test_however_large_the_order_the_event_is_not() -> None:
    texts = [as_text(with_notes(4 * 2**20, position=None)), as_text(just_within(), hash="a" * 64, digest="b" * 64)]
    assert all(len(text.encode()) <= EVENT_MOST_BYTES for text in texts)


MEMBERS = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)


@given(
    st.dictionaries(
        MEMBERS, MEMBERS | st.integers(-(2**63), 2**63 - 1) | st.lists(MEMBERS, max_size=2), min_size=1, max_size=4
    ),
    MEMBERS.filter(bool),
    st.none() | st.integers(1, 2**63 - 1),
)
def test_splicing_is_as_good_as_parsing(data: dict[str, Any], name: str, position: int | None) -> None:
    data = {member: value for member, value in data.items() if member not in ("actor", "position", "sequence")}
    data["status"] = "DRAFT"
    actor = {"name": name, "type": "service"}
    row = Row(actor=canonical.text(actor), data=canonical.text(data), position=position)
    assert json.loads(as_text(row))["data"] == {"actor": actor, "position": position, "sequence": 2, **data}
