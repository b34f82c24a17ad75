"""What a caller gets of an answer: the members it asks for, the whole JSON, and errors that say what to mend."""

import subprocess
import sys
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from hardware_orders.client import (
    ChangedError,
    Client,
    ConflictError,
    FieldError,
    ForbiddenError,
    NotFoundError,
    NotSettledError,
    Order,
    RateLimitedError,
    RefusedError,
    UnauthorizedError,
    UnavailableError,
)
from tests.client.scripted import ORDER_ID, Service, answers, order, refuses

DETAILS = {"status": "REQUIRES_ATTENTION", "code": "MISSING_FIELDS", "information": "Why.", "canCancel": True}
DERIVED = {"pointer": "/notes", "value": "n", "origin": "default"}


def event(sequence: int, position: int | None) -> dict[str, Any]:
    return {"id": f"e{sequence}", "data": {"sequence": sequence, "position": position}}


def test_an_order_keeps_what_this_client_does_not_know(service: Service, client: Client) -> None:
    told = order(colour="blue", internal={"extendedDetails": DETAILS, "derivedFields": [DERIVED], "more": [1]})
    service.script = [answers(200, told, ETag='"7"')]
    found = client.get(uuid.UUID(ORDER_ID))
    assert found.json == told
    assert (found.order_id, found.reference, found.etag, found.is_settled) == (ORDER_ID, "R-1", '"7"', True)
    assert (found.detailed_status, found.code, found.information) == ("REQUIRES_ATTENTION", "MISSING_FIELDS", "Why.")
    assert found.can_cancel
    assert found.derived_fields == (DERIVED,)
    assert found.created_date == datetime(2026, 11, 23, 9, 5, tzinfo=UTC)


def test_an_order_without_details_says_nothing_of_them() -> None:
    bare = Order(order())
    assert (bare.detailed_status, bare.code, bare.information, bare.can_cancel, bare.derived_fields) == (
        *(None, None, None),
        False,
        (),
    )


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, RefusedError),
        (401, UnauthorizedError),
        (403, ForbiddenError),
        (404, NotFoundError),
        (409, ConflictError),
        (412, ChangedError),
        (422, RefusedError),
        (429, RateLimitedError),
        (500, UnavailableError),
        (503, UnavailableError),
    ],
)
def test_every_status_has_its_error_with_the_services_sentence(
    service: Service, client_with: Callable[..., Client], status: int, error: type[Exception]
) -> None:
    service.script = [refuses(status, "A sentence.")]
    with pytest.raises(error, match=r"A sentence\.") as raised:
        client_with(tries=1).get(ORDER_ID)
    assert type(raised.value) is error


def test_a_refusal_names_its_fields(service: Service, client: Client) -> None:
    rows = [{"param": "notes", "code": "too_long", "message": "Shorten it."}, {"param": "x"}, "no row"]
    service.script = [answers(400, {"detail": "There are 2.", "param": "notes", "errors": rows})]
    with pytest.raises(RefusedError) as raised:
        client.submit({})
    assert (raised.value.status, raised.value.param, str(raised.value)) == (400, "notes", "There are 2.")
    assert raised.value.errors == (FieldError("notes", "too_long", "Shorten it."), FieldError("x", "", ""))


@pytest.mark.parametrize("body", [b"<p>Forbidden</p>", b"[1]", b'{"errors": "none"}', b'{"errors": {"a": 1}}', b""])
def test_a_gateways_own_page_is_a_refusal_too(service: Service, client: Client, body: bytes) -> None:
    service.script = [answers(403, body)]
    with pytest.raises(ForbiddenError, match="answered 403 and gave no reason") as raised:
        client.get(ORDER_ID)
    assert (raised.value.errors, raised.value.param) == ((), None)


@pytest.mark.parametrize("body", [b"<p>Welcome</p>", b"[]", b"{}", b"", b"[" * 100_000, b'\xff"'])
def test_success_from_something_else_is_no_success(service: Service, client: Client, body: bytes) -> None:
    service.script = [answers(200, body)]
    with pytest.raises(UnavailableError, match="not as this service does"):
        client.get(ORDER_ID)


def test_a_redirect_is_not_followed_with_the_token(service: Service, client: Client) -> None:
    service.script = [answers(302, Location="http://127.0.0.1:1/")]
    with pytest.raises(RefusedError, match="answered 302"):
        client.get(ORDER_ID)
    assert len(service.asked) == 1


def test_who_passes_the_order_that_was_read_is_told_that_it_has_changed(service: Service, client: Client) -> None:
    read = Order(order(), '"7"')
    service.script = [answers(200, order())]
    acts: list[Callable[[Order | str], object]] = [
        lambda named: client.replace(named, {}),
        client.submit_draft,
        lambda named: client.cancel(named, "OTHER"),
        lambda named: client.report(named, "COMPLETED"),
        client.discard,
    ]
    for act in acts:
        for named in (read, ORDER_ID, Order(order())):
            act(named)
    assert [request.headers.get("if-match") for request in service.asked] == ['"7"', None, None] * 5


def test_members_that_were_not_given_are_not_sent(service: Service, client: Client) -> None:
    service.script = [answers(200, order())]
    client.cancel(ORDER_ID, "OTHER")
    client.cancel(ORDER_ID, "OTHER", "Why.")
    client.report(ORDER_ID, "INPROGRESS", tracking_reference="T1", order_number=0)
    assert [request.body for request in service.asked] == [
        {"cancelReasonEnum": "OTHER"},
        {"cancelReasonEnum": "OTHER", "cancelAdditionalReason": "Why."},
        {"status": "INPROGRESS", "trackingReference": "T1", "orderNumber": 0},
    ]
    assert service.lines[-1] == f"POST /orders/{ORDER_ID}/status"


def test_an_order_is_asked_for_as_it_stands_or_stood(service: Service, client: Client) -> None:
    service.script = [answers(200, order())]
    client.get(ORDER_ID)
    client.get(ORDER_ID, version=2)
    client.get(ORDER_ID, as_of=datetime(2026, 12, 1, tzinfo=UTC))
    path = f"GET /orders/{ORDER_ID}"
    assert service.lines == [path, f"{path}?version=2", f"{path}?asOf=2026-12-01T00%3A00%3A00%2B00%3A00"]


def test_ids_and_instants_of_python_are_sent_as_text(service: Service, client: Client) -> None:
    uid, instant = uuid.UUID(int=7), datetime(2026, 12, 1, 9, tzinfo=timezone(timedelta(hours=1)))
    service.script = [answers(200, order()), answers(200, {"items": []})]
    client.submit({"customerEntityUid": uid, "requestedDate": instant})
    assert service.asked[0].body == {"customerEntityUid": str(uid), "requestedDate": "2026-12-01T09:00:00+01:00"}
    assert list(client.search(customerEntityUids=[uid, uid], startTime=instant, status=None)) == []
    assert service.lines[1] == (
        f"GET /orders?limit=50&customerEntityUids={uid}&customerEntityUids={uid}"
        "&startTime=2026-12-01T09%3A00%3A00%2B01%3A00"
    )


def test_a_search_goes_on_by_cursor_under_the_same_filters(service: Service, client: Client) -> None:
    service.script = [
        answers(200, {"items": [order(orderId="a"), order(orderId="b", status="RECEIVED")], "nextCursor": "c=1"}),
        answers(200, {"items": [], "nextCursor": "c=2"}),
        answers(200, {"items": [order(orderId="c")], "nextCursor": None}),
    ]
    found = list(client.search(status="DRAFT", limit=2))
    assert [(each.order_id, each.is_settled) for each in found] == [("a", True), ("b", False), ("c", True)]
    asked = "GET /orders?limit=2&status=DRAFT"
    assert service.lines == [asked, f"{asked}&cursor=c%3D1", f"{asked}&cursor=c%3D2"]


def test_a_search_that_is_left_asks_for_no_further_page(service: Service, client: Client) -> None:
    service.script = [answers(200, {"items": [order(), order()], "nextCursor": "more"})]
    next(client.search())
    assert len(service.asked) == 1


def test_a_timeline_of_several_pages_tells_every_event_once(service: Service, client: Client) -> None:
    first = [event(n, n if n <= 499 else None) for n in range(1, 501)]
    service.script = [
        answers(200, {"events": first, "nextAfter": 499}),
        answers(200, {"events": [event(500, 500), event(501, None)], "nextAfter": 500}),
    ]
    assert [told.sequence for told in client.events(ORDER_ID)] == list(range(1, 502))
    assert service.lines[1].endswith("?after=499&limit=500")


def test_a_timeline_that_repeats_itself_ends(service: Service, client: Client) -> None:
    service.script = [answers(200, {"events": [event(n, None) for n in range(1, 501)], "nextAfter": 0})]
    assert len(list(client.events(ORDER_ID))) == 500


def received(**members: Any) -> Any:
    return answers(202, order(status="RECEIVED", **members))


def test_who_does_not_wait_may_wait_later(service: Service, client: Client) -> None:
    service.script = [received(), *[answers(200, order(status="RECEIVED"))] * 2, answers(200, order())]
    waiting = client.submit({}, wait=0)
    assert not waiting.is_settled
    assert client.wait_until_settled(waiting).status == "SUBMITTED"
    assert service.asked[0].headers["prefer"] == "wait=0"
    assert len(service.asked) == 4
    assert client.wait_until_settled(Order(order())).status == "SUBMITTED"
    assert len(service.asked) == 4


def test_a_wait_goes_on_where_the_service_does_not_wait(service: Service, client: Client) -> None:
    service.script = [received(), answers(200, order())]
    assert client.submit({}, wait=3600).is_settled
    assert service.asked[0].headers["prefer"] == "wait=30"


def test_an_order_that_is_never_settled_is_returned_as_it_is(service: Service, client: Client) -> None:
    service.script = [received(), answers(200, order(status="RECEIVED"))]
    waiting = client.submit({}, wait=0.1)
    assert (waiting.status, waiting.is_settled) == ("RECEIVED", False)
    with pytest.raises(NotSettledError, match=r"is stored, but was not settled within 0\.1 s"):
        client.wait_until_settled(waiting, 0.1)


def test_a_draft_that_waits_to_be_submitted_is_settled_once_it_has_changed(service: Service, client: Client) -> None:
    draft, parked = order(status="DRAFT"), order(status="DRAFT", modifiedDate="2026-11-23T09:05:01.000000Z")
    service.script = [answers(202, draft), answers(200, draft), answers(200, parked)]
    assert client.wait_until_settled(client.submit_draft(ORDER_ID, wait=0)).json == parked


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda client: client.get("../healthz"), ValueError, "must be a UUID"),
        (lambda client: client.submit({"price": float("nan")}), ValueError, "JSON"),
        (lambda client: client.submit({"notes": object()}), TypeError, "has no form in JSON"),
        (lambda client: client.submit({"notes": "\ud800"}), ValueError, "surrogates"),
        (lambda client: client.submit({}, idempotency_key="a\r\nb: c"), ValueError, "cannot be sent"),
    ],
)
def test_what_cannot_be_sent_is_an_error_of_the_caller(
    service: Service, client: Client, call: Callable[[Client], Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        call(client)
    assert service.asked == []


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://host", "http://", "http://[::1", ""])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="The service's URL"):
        Client(url, "TOKEN")


@pytest.mark.parametrize("token", ["", "a b", "a\nb", "é"])
def test_a_token_that_is_none_is_refused(service: Service, client_with: Callable[..., Client], token: str) -> None:
    with pytest.raises(ValueError, match="token must be one word"):
        client_with(token=token).get(ORDER_ID)
    assert service.asked == []


def test_a_gateways_path_stays_in_front(service: Service) -> None:
    service.script = [answers(200, order())]
    with Client(f"{service.url}/orders-service/", "TOKEN") as client:
        client.get(ORDER_ID)
    assert service.lines == [f"GET /orders-service/orders/{ORDER_ID}"]


def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")  # discard, RFC 863: nobody listens there
    service.script = [answers(200, order())]
    with Client(service.url, "TOKEN", tries=1) as client:
        assert client.get(ORDER_ID).order_id == ORDER_ID


def test_the_client_is_imported_alone() -> None:
    heavy = "alembic celery fastapi joserfc psycopg pydantic redis rich sqlalchemy starlette structlog typer uvicorn"
    program = f"import sys, hardware_orders.client; print(sorted(set({heavy.split()!r}) & set(sys.modules)))"
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
