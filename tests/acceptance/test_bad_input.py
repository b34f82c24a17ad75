"""Bad input over a real socket: the exact refusal, and that nothing is left behind. The list is in bad_inputs.py."""

import json
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from sqlalchemy import func, select

from hardware_orders.connection import allow_files
from hardware_orders.tables import idempotency_keys, order_events, orders
from tests.acceptance import bad_inputs
from tests.acceptance.bad_inputs import CANARY, HARDWARE, JSON, Bad, body
from tests.raw_http import answer, chunked, connect, exchange, head, request
from tests.system import System, order


def rows(system: System) -> list[int]:
    with system.database.read() as connection:
        return [
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (orders, order_events, idempotency_keys)
        ]


@pytest.fixture(scope="module", autouse=True)
def nothing_is_left(system: System) -> Iterator[None]:
    """Around all of them: others are served, no fault is logged, and no value that was sent."""
    logged = system.log.stat().st_size
    yield
    with system.client() as client:
        made = client.post(HARDWARE, json=order())
        assert (made.status_code, made.json()["status"]) == (200, "SUBMITTED")
        assert client.get(f"/orders/{made.json()['orderId']}").json() == made.json()
        listed = client.get("/orders", params={"orderReference": made.json()["orderReference"]})
        assert (listed.status_code, listed.json()["items"]) == (200, [made.json()])
        assert client.get("/orders").status_code == 200
        assert client.get("/healthz").status_code == client.get("/readyz").status_code == 200
    log = system.log.read_bytes()[logged:].decode()
    assert "request_failed" not in log
    assert "Traceback" not in log
    assert CANARY not in log


@pytest.mark.parametrize("bad", bad_inputs.ALL, ids=lambda bad: bad.name)
def test_it_is_refused_by_name_and_leaves_nothing(system: System, bad: Bad) -> None:
    before = rows(system)
    refused = exchange(system.url, bad.sent(system.token()), bad.method)
    problem = refused.problem
    assert (refused.status, problem.get("param") or None) == (bad.status, bad.param), problem
    assert (problem["status"], problem["code"], problem["message"]) == (
        bad.status,
        str(bad.status),
        problem["detail"],
    )
    assert len(problem.get("errors", [])) <= 20
    assert len(refused.content) < 16_384
    assert CANARY not in refused.content.decode()
    assert bad.status != 405 or refused.headers["allow"]
    assert rows(system) == before


def test_refusals_of_other_kinds_repeat_nothing_either(system: System) -> None:
    key = ("Idempotency-Key", CANARY)
    with system.client() as client:
        submitted = client.post(HARDWARE, json=order(), headers=dict([key])).json()["orderId"]
    before = rows(system)
    stranger = str(uuid.UUID(int=9))
    for bad, token in [
        (Bad("a word for a token", 401), CANARY),
        (Bad("half a token", 401), f"{system.token()[:-9]}{CANARY}"),
        (Bad("no role", 403), system.token(roles=("orders:read",))),
        (Bad("another customer", 403), system.token(entities=(stranger,))),
        (Bad("another request", 422, headers=[JSON, key]), system.token()),
        (Bad("submitted", 409, method="PUT", path=f"{HARDWARE}/{submitted}"), system.token()),
        (Bad("nobody's", 404, method="PUT", path=f"{HARDWARE}/{stranger}"), system.token()),
        (Bad("somebody else's", 404, method="PUT", path=f"{HARDWARE}/{submitted}"), system.token(entities=(stranger,))),
    ]:
        refused = exchange(system.url, bad.sent(token), bad.method)
        assert (refused.status, refused.problem["status"]) == (bad.status, bad.status), bad.name
        assert CANARY not in f"{refused.headers}{refused.content.decode()}", bad.name
    assert rows(system) == before


_UPGRADE = [("Connection", "Upgrade, HTTP2-Settings"), ("Upgrade", "h2c"), ("HTTP2-Settings", "AAMAAABk")]


@pytest.mark.parametrize(
    ("headers", "path"),
    [
        ([("Accept", "text/html")], HARDWARE),  # every answer is JSON, whatever is preferred
        ([("Expect", "100-continue")], HARDWARE),
        (_UPGRADE, HARDWARE),
        ([("saveDraft", " false ")], HARDWARE),
        ([("X-Unknown", CANARY)], f"{HARDWARE}?unknown={CANARY}"),
        ([], "/orders/hardw%61re"),
        ([], f"http://elsewhere.example{HARDWARE}"),
    ],
    ids=str,
)
def test_what_is_odd_but_says_the_same_is_taken(system: System, headers: Any, path: str) -> None:
    sent = request("POST", path, [("Authorization", f"Bearer {system.token()}"), JSON, *headers], body())
    taken = exchange(system.url, sent)
    assert (taken.status, taken.headers["content-type"]) == (200, "application/json"), taken


@pytest.mark.parametrize("kind", ["application/json;charset=utf-8", 'Application/JSON; Charset="UTF-8"; a=b'])
def test_json_may_be_said_in_other_words(system: System, kind: str) -> None:
    sent = request("POST", HARDWARE, [("Authorization", f"Bearer {system.token()}"), ("Content-Type", kind)], body())
    assert exchange(system.url, sent).status == 200


def test_trailers_say_nothing(system: System) -> None:
    """What a trailer says was not there when the request was understood (RFC 9110, section 6.5.1)."""
    headers = [("Authorization", f"Bearer {system.token()}"), JSON, ("Transfer-Encoding", "chunked")]
    sent = head("POST", HARDWARE, headers) + chunked(body())[:-2] + b"saveDraft: true\r\n\r\n"
    assert json.loads(exchange(system.url, sent).content)["status"] == "SUBMITTED"


def test_characters_that_turn_the_text_are_kept_where_text_is_free(system: System) -> None:
    notes = "to the \u202eright\u202c, \x01 and \u2066left\u2069\n"
    with system.client() as client:
        made = client.post(HARDWARE, json=order(notes=notes))
    assert (made.status_code, made.json()["notes"]) == (200, notes)


def test_who_hangs_up_in_the_middle_leaves_nothing(system: System) -> None:
    before = rows(system)
    whole = Bad("half", 0).sent(system.token())
    for cut in (len(whole) - 1, len(whole) - len(body()), 100, 1):
        with connect(system.url) as connection:
            connection.sendall(whole[:cut])
    assert rows(system) == before


def test_the_connection_goes_on_after_a_body_that_is_refused(system: System) -> None:
    with connect(system.url) as connection:
        for sent, status in [
            (Bad("too large", 413, content=body(notes="n" * 5 * 2**20)), 413),
            (Bad("another type", 415, headers=[("Content-Type", "text/plain")]), 415),
            (Bad("good", 200), 200),
        ]:
            connection.sendall(sent.sent(system.token()))
            found = answer(connection)
            assert (found.status, found.closed) == (status, False)


def test_a_thousand_silent_connections_keep_nobody_from_being_served(system: System) -> None:
    allow_files()
    with ExitStack() as opened:
        for number in range(1_000):
            connection = opened.enter_context(connect(system.url))
            connection.sendall(b"POST /orders/hardware HTTP/1.1\r\nHost: here\r\n"[: number % 40])
        with system.client() as client:
            assert client.post(HARDWARE, json=order()).status_code == 200
