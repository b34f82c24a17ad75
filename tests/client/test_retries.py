"""A service that misbehaves on a real socket: what is tried again, how often, how long, and what it comes to."""

import contextlib
import socket
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from hardware_orders.client import (
    ChangedError,
    Client,
    ConflictError,
    NotFoundError,
    RateLimitedError,
    RefusedError,
    UnavailableError,
)
from tests.client import scripted
from tests.client.scripted import ORDER_ID, Service, Step, answers, order, refuses

BODY = {"orderReference": "R-1", "customerEntityUid": str(uuid.UUID(int=7))}
CREATE = "POST /orders/hardware"
LOST: list[Step] = [scripted.hangs_up, scripted.resets, scripted.truncates, refuses(503, "later"), answers(502, b"<p>")]


@pytest.mark.parametrize("failure", [*LOST, refuses(409, "in flight", Retry_After="0"), refuses(429, "slower")])
def test_what_passes_is_tried_again_under_the_same_key(service: Service, client: Client, failure: Step) -> None:
    service.script = [failure, failure, answers(200, order())]
    assert client.submit(BODY).order_id == ORDER_ID
    assert service.lines == [CREATE] * 3
    keys = {request.headers["idempotency-key"] for request in service.asked}
    assert len(keys) == 1
    assert uuid.UUID(keys.pop())
    assert all(request.body == BODY for request in service.asked)


def test_every_order_has_a_key_of_its_own_or_the_callers(service: Service, client: Client) -> None:
    service.script = [answers(200, order())]
    for key in (None, None, "mine"):
        client.submit(BODY, idempotency_key=key)
    first, second, mine = (request.headers["idempotency-key"] for request in service.asked)
    assert len({first, second, mine}) == 3
    assert mine == "mine"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 412, 413, 415, 422, 431, 500])
def test_what_would_come_again_is_not_tried_again(service: Service, client: Client, status: int) -> None:
    service.script = [refuses(status, "no")]
    with pytest.raises((RefusedError, UnavailableError), match="no"):
        client.submit(BODY)
    assert service.lines == [CREATE]


def test_the_number_of_tries_is_bounded(service: Service, client: Client) -> None:
    service.script = [refuses(503, "The database does not answer.")]
    with pytest.raises(UnavailableError, match=r"answered 503: The database does not answer\.") as raised:
        client.submit(BODY)
    assert raised.value.status == 503
    assert service.lines == [CREATE] * 3


def test_a_pause_is_as_long_as_the_service_asks(service: Service, client: Client) -> None:
    service.script = [refuses(503, "later", Retry_After="1"), answers(200, order())]
    client.submit(BODY)
    first, second = (request.at for request in service.asked)
    assert second - first >= 1


@pytest.mark.parametrize("after", ["3600", format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)])
def test_a_pause_beyond_the_deadline_is_not_begun(service: Service, client: Client, after: str) -> None:
    service.script = [refuses(429, "slower", Retry_After=after)]
    with pytest.raises(RateLimitedError, match="slower"):
        client.get(ORDER_ID)
    assert len(service.asked) == 1


@pytest.mark.parametrize("after", ["soon", "-1", "Wed, 21 Oct 2015 07:28:00 GMT", "Wed, 21 Oct 2015 07:28:00", "٣"])
def test_a_retry_after_that_names_no_pause_is_no_pause(service: Service, client: Client, after: str) -> None:
    service.script = [refuses(503, "later", Retry_After=after), answers(200, order())]
    assert client.get(ORDER_ID).order_id == ORDER_ID


@pytest.mark.parametrize("failure", [scripted.drips, scripted.stays_silent])
def test_an_answer_that_does_not_end_is_given_up_at_the_deadline(
    service: Service, client_with: Callable[..., Client], failure: Step
) -> None:
    service.script = [failure]
    with pytest.raises(UnavailableError, match="ReadTimeout"):
        client_with(tries=100, seconds=0.4).get(ORDER_ID)


def test_an_answer_without_end_is_not_kept(service: Service, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hardware_orders.client.connection.ANSWER_MOST_BYTES", 100)
    service.script = [answers(200, order(notes="n" * 100))]
    with pytest.raises(UnavailableError, match="larger than 100 bytes"):
        client.get(ORDER_ID)


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with (
        Client(f"http://127.0.0.1:{port}", "TOKEN", tries=2) as client,
        pytest.raises(UnavailableError, match=f"http://127.0.0.1:{port} does not answer .*ConnectError"),
    ):
        client.get(ORDER_ID)


def test_a_token_may_be_renewed_between_tries(service: Service, client_with: Callable[..., Client]) -> None:
    tokens = iter(["OLD", "NEW"])
    service.script = [refuses(503, "later"), answers(200, order())]
    client_with(token=lambda: next(tokens)).get(ORDER_ID)
    assert [request.headers["authorization"] for request in service.asked] == ["Bearer OLD", "Bearer NEW"]


Act = Callable[[Client], object]


@pytest.mark.parametrize(
    ("act", "refusal", "now"),
    [
        (lambda client: client.cancel(ORDER_ID, "OTHER"), 409, {"status": "CANCELLED"}),
        (lambda client: client.submit_draft(ORDER_ID), 409, {"status": "SUBMITTED"}),
        (lambda client: client.replace(ORDER_ID, {"notes": "new"}), 412, {"notes": "new", "status": "DRAFT"}),
        (lambda client: client.replace(ORDER_ID, '{"notes": "new"}'), 412, {"notes": "new", "status": "DRAFT"}),
    ],
    ids=["cancel", "submit_draft", "replace", "replace by text"],
)
def test_a_refusal_of_a_repetition_of_what_was_done_is_success(
    service: Service, client: Client, act: Act, refusal: int, now: dict[str, str]
) -> None:
    for lost in (scripted.hangs_up, refuses(503, "later")):
        service.script = [lost, refuses(refusal, "no"), answers(200, order(**now))]
        assert act(client) is not None
        assert service.lines[2:] == [f"GET /orders/{ORDER_ID}"]
        service.asked.clear()


@pytest.mark.parametrize(
    ("act", "error"),
    [
        (lambda client: client.cancel(ORDER_ID, "OTHER"), ConflictError),
        (lambda client: client.submit_draft(ORDER_ID), ConflictError),
        (lambda client: client.replace(ORDER_ID, {"notes": "new"}), ChangedError),
    ],
    ids=["cancel", "submit_draft", "replace"],
)
def test_a_refusal_of_what_was_not_done_stays_one(
    service: Service, client: Client, act: Act, error: type[RefusedError]
) -> None:
    status = 412 if error is ChangedError else 409
    service.script = [scripted.hangs_up, refuses(status, "no"), answers(200, order(status="COMPLETED", notes="old"))]
    with pytest.raises(error, match="no"):
        act(client)
    service.asked.clear()
    # Nothing was lost before this one, so there is nothing to look for.
    service.script = [refuses(status, "no")]
    with pytest.raises(error, match="no"):
        act(client)
    assert len(service.asked) == 1


@pytest.mark.parametrize("first", [refuses(429, "slower"), refuses(409, "in flight", Retry_After="0")])
def test_a_try_that_the_service_has_not_taken_does_not_make_a_refusal_doubtful(
    service: Service, client: Client, first: Step
) -> None:
    service.script = [first, refuses(404, "none")]
    with pytest.raises(NotFoundError):
        client.discard(ORDER_ID)


def test_a_draft_that_is_gone_after_a_lost_answer_was_discarded(service: Service, client: Client) -> None:
    service.script = [scripted.hangs_up, refuses(404, "none")]
    client.discard(ORDER_ID)
    assert service.lines == [f"DELETE /orders/drafts/{ORDER_ID}"] * 2


def test_a_connection_that_was_kept_and_has_died_is_replaced(
    client_with: Callable[..., Client], service: Service
) -> None:
    def keeps_then_resets(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 204 N\r\n\r\n")
        with contextlib.suppress(OSError):
            connection.recv(65536)
        scripted.resets(connection)

    service.script = [keeps_then_resets, answers(200, order())]
    client = client_with()
    client.discard(ORDER_ID)
    assert client.get(ORDER_ID).order_id == ORDER_ID
