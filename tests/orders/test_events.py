"""The event row: changes by JSON Pointer, the text it keeps, and the chain that shows what was tampered with."""

import hashlib
import json
from typing import Any

import pytest

from hardware_orders import canonical
from hardware_orders.actor import SERVICE, Actor
from hardware_orders.contract.enums import Status
from hardware_orders.orders import view
from hardware_orders.orders.commands import Cancel, Receive, Replace, Submit
from hardware_orders.orders.decide import Decision, decide, receive
from hardware_orders.orders.events import chain, changes, digest, record
from hardware_orders.orders.status import EventType, Intent
from tests.orders.samples import ADA, BOB, NOW, ORDER_ID, a_body, an_order, as_sent

Json = dict[str, Any]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({}, {}, []),
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 2}, [{"pointer": "/a", "old": 1, "new": 2}]),
        ({}, {"a": None}, [{"pointer": "/a", "new": None}]),
        ({"a": None}, {}, [{"pointer": "/a", "old": None}]),
        ({"a": {"b": 1, "c": 1}}, {"a": {"b": 1, "c": 2}}, [{"pointer": "/a/c", "old": 1, "new": 2}]),
        ({"a": {"b": 1}}, {"a": {}}, [{"pointer": "/a/b", "old": 1}]),
        ({"a": {"b": 1}}, {}, [{"pointer": "/a", "old": {"b": 1}}]),
        ({}, {"a": {}}, [{"pointer": "/a", "new": {}}]),
        ({"a": {"b": 1}}, {"a": [1]}, [{"pointer": "/a", "old": {"b": 1}, "new": [1]}]),
        ({"a": "x"}, {"a": {"b": 1}}, [{"pointer": "/a", "old": "x", "new": {"b": 1}}]),
        ({"a": [{"b": 1}, 2]}, {"a": [{"b": 9}, 2]}, [{"pointer": "/a", "old": [{"b": 1}, 2], "new": [{"b": 9}, 2]}]),
        ({"a": []}, {"a": [[]]}, [{"pointer": "/a", "old": [], "new": [[]]}]),
    ],
)
def test_changes(before: Json, after: Json, expected: list[Json]) -> None:
    assert changes(before, after) == expected


@pytest.mark.parametrize(
    ("name", "step"), [("a/b", "a~1b"), ("a~b", "a~0b"), ("~1", "~01"), ("/~", "~1~0"), ("", ""), ("ü \n", "ü \n")]
)
def test_pointers_escape_as_rfc_6901_says(name: str, step: str) -> None:
    assert changes({"x": {name: 1}}, {"x": {name: 2}}) == [{"pointer": f"/x/{step}", "old": 1, "new": 2}]


def test_changes_come_in_the_order_of_their_names() -> None:
    assert [row["pointer"] for row in changes({"c": 1, "a": {"z": 1}}, {"b": 1, "a": {"y": 1}})] == [
        "/a/y",
        "/a/z",
        "/b",
        "/c",
    ]


def test_the_first_event_tells_the_whole_order() -> None:
    body = a_body(notes="ü")
    decision = receive(Receive(ORDER_ID, as_sent(body), body, Intent.DRAFT, False, ADA), NOW)
    order, row = record(None, decision)
    assert json.loads(row["data"]) == {
        "previousStatus": None,
        "status": "RECEIVED",
        "changes": [],
        "order": view.as_json(decision.order),
    }
    assert row["hash"] == chain("0" * 64, row)
    assert order == decision.order._replace(last_hash=row["hash"])
    assert row == {
        "event_id": row["event_id"],
        "order_id": ORDER_ID,
        "sequence": 1,
        "type": "order.received",
        "occurred_at": NOW,
        "actor": '{"name":"Ada","type":"user","uid":"u-ada"}',
        "data": canonical.text(json.loads(row["data"])),
        "salt": row["salt"],
        "digest": digest(row["salt"], row["actor"], row["data"]),
        "hash": row["hash"],
    }
    assert len(bytes.fromhex(row["salt"])) == 16
    assert "ü" in row["data"]


def test_a_later_event_tells_what_changed_and_follows_the_last_one() -> None:
    before = an_order(Status.ONHOLD, last_hash="ab" * 32, code="POISON", information="Set aside.")
    body = a_body(notes="new")
    order, row = record(before, decide(before, Replace(as_sent(body), body, BOB), NOW))
    data = json.loads(row["data"])
    assert (data["previousStatus"], data["status"]) == ("ONHOLD", "DRAFT")
    assert {change["pointer"]: (change.get("old"), change.get("new")) for change in data["changes"]} == {
        "/internal/extendedDetails/code": ("POISON", None),
        "/internal/extendedDetails/information": ("Set aside.", None),
        "/internal/extendedDetails/lastChangeTime": ("2026-11-23T08:00:00.000000Z", "2026-11-23T08:20:00.000000Z"),
        "/internal/extendedDetails/status": ("REQUIRES_ATTENTION", "DRAFT"),
        "/modifiedBy": ("Ada", "Bob"),
        "/modifiedDate": ("2026-11-23T08:10:00.000000Z", "2026-11-23T08:20:00.000000Z"),
        "/modifiedUserUid": ("u-ada", "u-bob"),
        "/notes": (None, "new"),
        "/status": ("ONHOLD", "DRAFT"),
    }
    assert row["sequence"] == order.version == 4
    assert row["hash"] == order.last_hash == chain("ab" * 32, row)


def test_the_actor_of_the_event_is_who_did_it() -> None:
    before = an_order(Status.DRAFT)
    _, row = record(before, decide(before, Cancel("OTHER", None, SERVICE), NOW))
    assert row["actor"] == '{"name":"Hardware Orders","type":"service"}'
    assert Actor.from_text(row["actor"]) == SERVICE
    assert Actor.from_text(BOB.as_text()) == BOB


def test_what_only_waits_has_no_event() -> None:
    before = an_order(Status.DRAFT)
    with pytest.raises(ValueError, match="no row"):
        record(before, decide(before, Submit(BOB), NOW))


def test_equal_events_have_different_ids_salts_and_digests() -> None:
    before = an_order(Status.DRAFT)
    decision = decide(before, Cancel("OTHER", None, BOB), NOW)
    first, second = record(before, decision)[1], record(before, decision)[1]
    assert first["data"] == second["data"]
    assert not {first[name] for name in ("event_id", "salt", "digest", "hash")} & {
        second[name] for name in ("event_id", "salt", "digest", "hash")
    }


def test_the_digest_and_the_chain_are_what_their_description_says() -> None:
    assert digest("00", "A", "ü") == hashlib.sha256("00\nA\nü".encode()).hexdigest()
    row = {
        "event_id": "e",
        "order_id": "o",
        "sequence": 7,
        "type": "order.received",
        "occurred_at": NOW,
        "digest": "d",
        "data": "not covered",
    }
    text = "p\ne\no\n7\norder.received\n2026-11-23T08:20:00.000000Z\nd"
    assert chain("p", row) == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize("alter", ["salt", "actor", "data"])
def test_the_digest_covers(alter: str) -> None:
    parts = {"salt": "00", "actor": "{}", "data": "{}"}
    assert digest(**parts) != digest(**parts | {alter: parts[alter] + "0"})


def test_erasing_data_salt_and_actor_leaves_the_chain_whole() -> None:
    before = an_order(Status.DRAFT)
    _, row = record(before, decide(before, Cancel("OTHER", None, BOB), NOW))
    assert chain(before.last_hash, row | {"data": "{}", "salt": "", "actor": "{}"}) == row["hash"]


def test_the_same_order_is_the_same_text_whatever_the_order_of_its_members() -> None:
    order = an_order(Status.DRAFT, body=a_body(notes="a", poRef="b"))
    turned = order._replace(body=dict(reversed(list(order.body.items()))))
    texts = {record(None, Decision(each, EventType.DRAFTED, ADA))[1]["data"] for each in (order, turned)}
    assert len(texts) == 1
