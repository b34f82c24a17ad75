import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from hardware_orders.embedded.demo_orders import Client, DemoFailedError

Answers = dict[str, list[tuple[int, dict[str, Any]]]]

ORDER = {"orderId": "1", "status": "DRAFT"}
NUMBERED = {"events": [{"data": {"position": 1}}]}
BODY = {"orderReference": "R"}
DRAFT = {"do": "create", "saveDraft": True, "simplified": True, "body": BODY}


class Server(ThreadingHTTPServer):
    """Answers each request with the next of what it was given for its line; the last is repeated."""

    def __init__(self, answers: Answers) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers = answers
        self.asked: list[tuple[str, Any, dict[str, str]]] = []


class Handler(BaseHTTPRequestHandler):
    server: Server

    def answer(self) -> None:
        line = f"{self.command} {self.path}"
        sent = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        names = ("saveDraft", "X-Use-Simplified-Order-Flow", "Authorization")
        headers = {name: self.headers[name] for name in names if name in self.headers}
        self.server.asked.append((line, json.loads(sent) if sent else None, headers))
        waiting = self.server.answers[line]
        status, body = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_PUT = answer  # noqa: N815 - the standard library's names

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server({}) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    client = Client(f"http://127.0.0.1:{server.server_port}", "TOKEN")
    yield client
    client._http.close()


def test_every_step_goes_to_its_operation_with_its_headers(server: Server, client: Client) -> None:
    server.answers = {
        "POST /orders/hardware": [(200, ORDER)],
        "PUT /orders/hardware/1": [(200, ORDER)],
        "POST /orders/drafts/1": [(200, ORDER)],
        "POST /orders/1/cancel": [(200, ORDER)],
        "GET /orders/1": [(200, ORDER)],
        "GET /orders/1/events": [(200, {"events": [{"data": {"position": None}}]}), (200, NUMBERED)],
    }
    cancellation = {"cancelReasonEnum": "OTHER"}
    steps = [
        DRAFT,
        {"do": "replace", "body": {"orderReference": "S"}},
        {"do": "submit"},
        {"do": "cancel", "body": cancellation},
    ]
    (outcome,) = client.send([{"title": "T", "steps": steps}])
    assert (outcome.title, outcome.order, outcome.events, outcome.refusal) == ("T", ORDER, NUMBERED["events"], None)
    signed = {"Authorization": "Bearer TOKEN"}
    assert server.asked == [
        ("POST /orders/hardware", BODY, {"saveDraft": "true", "X-Use-Simplified-Order-Flow": "true", **signed}),
        ("PUT /orders/hardware/1", {"orderReference": "S"}, signed),
        ("POST /orders/drafts/1", None, signed),
        ("POST /orders/1/cancel", cancellation, signed),
        ("GET /orders/1", None, signed),
        ("GET /orders/1/events", None, signed),
        ("GET /orders/1/events", None, signed),
    ]


def test_a_refusal_is_an_outcome_and_ends_the_steps(server: Server, client: Client) -> None:
    problem = {"status": 400, "detail": "no"}
    server.answers = {"POST /orders/hardware": [(400, problem)]}
    (outcome,) = client.send([{"title": "T", "steps": [DRAFT, {"do": "submit"}]}])
    assert (outcome.order, outcome.refusal) == (None, problem)
    assert len(server.asked) == 1


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 503])
def test_any_other_answer_fails_the_demo(server: Server, client: Client, status: int) -> None:
    server.answers = {"POST /orders/hardware": [(status, {"detail": "a reason"})]}
    with pytest.raises(DemoFailedError, match=f"POST /orders/hardware was answered with {status}: .*a reason"):
        client.send([{"title": "T", "steps": [DRAFT]}])


def test_an_order_that_nobody_settles_fails_the_demo(server: Server, client: Client) -> None:
    received = {**ORDER, "status": "RECEIVED"}
    server.answers = {"POST /orders/hardware": [(202, received)], "GET /orders/1": [(200, received)]}
    with pytest.raises(DemoFailedError, match="order 1 has not been settled"):
        client.send([{"title": "T", "steps": [DRAFT]}])


def test_it_waits_until_the_api_is_ready(server: Server, client: Client) -> None:
    server.answers = {"GET /readyz": [(503, {}), (200, {})]}
    client.wait_until_listening()
    assert len(server.asked) == 2


def test_an_api_that_has_gone_fails_the_demo() -> None:
    client = Client("http://127.0.0.1:9", "TOKEN")  # discard, RFC 863: nobody listens there
    with pytest.raises(DemoFailedError, match="POST /orders/hardware was not answered: ConnectError"):
        client.send([{"title": "T", "steps": [DRAFT]}])
    client._http.close()
