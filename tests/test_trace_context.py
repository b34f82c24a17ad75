"""W3C Trace Context: what is passed on, and what is dropped without a word."""

import pytest

from hardware_orders.actor import Actor
from hardware_orders.trace_context import STATE_MOST_CHARACTERS, STATE_MOST_MEMBERS, Trace, of_headers

IDS = "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331"
PARENT = f"00-{IDS}-01"


def trace(parent: str, *states: str) -> Trace | None:
    return of_headers([(b"traceparent", parent.encode()), *((b"tracestate", state.encode()) for state in states)])


def test_a_trace_is_passed_on_with_its_state() -> None:
    assert trace(PARENT) == Trace(PARENT)
    assert trace(f" {PARENT} ", "a=1,  tenant@sys=x y", "", "b/c=2") == Trace(PARENT, "a=1,tenant@sys=x y,b/c=2")
    assert trace(f"cc-{IDS}-01-what.the.future.will.be.like") == Trace(PARENT), "of a later version what is known of it"


@pytest.mark.parametrize(
    "parent",
    [
        "",
        "00",
        f"ff-{IDS}-01",
        f"00-{IDS}-01-more",
        f"00-{IDS}-1",
        f"00-{IDS.upper()}-01",
        f"00-{'0' * 32}-b7ad6b7169203331-01",
        f"00-0af7651916cd43dd8448eb211c80319c-{'0' * 16}-01",
        f"cc-{IDS}-01-{'x' * 300}",
        f"00-{IDS}-01é",
        '{"event": "made_up"}',
    ],
)
def test_a_parent_that_is_none_is_dropped(parent: str) -> None:
    assert trace(parent, "a=1") is None


def test_two_parents_are_none() -> None:
    assert of_headers([(b"traceparent", PARENT.encode())] * 2) is None
    assert of_headers([(b"tracestate", b"a=1")]) is None


@pytest.mark.parametrize(
    "state",
    [
        "a",
        "A=1",
        "a=1,a=2",
        "a=b=c",
        "a=1,=2",
        "a=é",
        "a=\x01",
        f"a={'x' * STATE_MOST_CHARACTERS}",
        ",".join(f"k{number}=1" for number in range(STATE_MOST_MEMBERS + 1)),
    ],
)
def test_a_state_that_is_none_or_too_long_is_dropped_whole_and_the_parent_stays(state: str) -> None:
    assert trace(PARENT, state) == Trace(PARENT)


def test_the_longest_state_is_passed_on() -> None:
    longest = ",".join(f"k{number}=1" for number in range(STATE_MOST_MEMBERS))
    assert trace(PARENT, longest) == Trace(PARENT, longest)


def test_an_actor_keeps_its_trace_and_one_without_has_the_text_that_it_always_had() -> None:
    for found in (None, Trace(PARENT), Trace(PARENT, "a=1")):
        for uid in (None, "u-ada"):
            actor = Actor(uid, 'Ada "traceparent":', found)
            assert Actor.from_text(actor.as_text()) == actor
    assert Actor("u-ada", "Ada").as_text() == '{"name":"Ada","type":"user","uid":"u-ada"}'
