"""One trace through all processes: from the request's header to event, webhook and spans."""

import http.server
import tempfile
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from hardware_orders.delivery.webhooks import secret_keys
from tests.backends import Backend
from tests.receivers import receiver
from tests.system import System, eventually, order, running

HARDWARE = "/orders/hardware"
ROLES = ("orders:write", "orders:read", "events:read", "webhooks:write")


def parent() -> str:
    return f"00-{uuid.uuid4().hex}-{uuid.uuid4().hex[:15]}1-01"


def events(system: System, order_id: str, count: int) -> list[dict[str, Any]]:
    def found() -> list[dict[str, Any]]:
        those = [event for _, event in system.stream() if event["subject"] == order_id]
        return those if len(those) >= count else []

    return eventually(found)


def test_every_event_of_a_request_is_part_of_its_trace_and_of_no_other(system: System) -> None:
    sent = {"traceparent": parent(), "tracestate": "vendor=1"}
    with system.client(roles=ROLES) as client:
        simplified = {"X-Use-Simplified-Order-Flow": "true"}
        traced = client.post(HARDWARE, json=order(), headers=sent | simplified).json()["orderId"]
        plain = client.post(HARDWARE, json=order()).json()["orderId"]
        broken = client.post(HARDWARE, json=order(), headers={"traceparent": "00-0-0-0"})
        assert broken.status_code == 200
        draft = client.post(HARDWARE, json=order(), headers={"saveDraft": "true"}).json()["orderId"]
        submitted = client.post(f"/orders/drafts/{draft}", headers=sent)
        assert submitted.status_code == 200, submitted.text
        timeline = client.get(f"/orders/{traced}/events").text
    for event in events(system, traced, 2):
        assert {name: event.get(name) for name in sent} == sent
        assert event["data"]["actor"].keys() == {"name", "type", "uid"}
    assert sent["traceparent"] in timeline
    for order_id in (plain, broken.json()["orderId"]):
        assert not [event for event in events(system, order_id, 2) if "traceparent" in event]
    assert [event.get("traceparent") for event in events(system, draft, 3)] == [None, None, sent["traceparent"]]


@contextmanager
def collector() -> Iterator[tuple[str, list[tuple[str, Any]]]]:
    """A collector of OTLP over HTTP: its URL, and (service, span) of what came."""
    spans: list[tuple[str, Any]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent = ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["Content-Length"])))
            for resource in sent.resource_spans:
                names = {item.key: item.value.string_value for item in resource.resource.attributes}
                spans.extend((names["service.name"], one) for scope in resource.scope_spans for one in scope.spans)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", spans
        server.shutdown()


def test_with_a_collector_request_settling_publishing_and_delivery_are_spans_of_the_callers_trace(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    customer = str(uuid.uuid4())
    caller = parent()
    with (
        collector() as (url, spans),
        receiver() as shop,
        tempfile.TemporaryDirectory(prefix="ho-") as name,
        Backend("sqlite").opened(Path(name), None) as settings,
    ):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
        own = {**settings, "SECRET_KEYS": secret_keys.new(), "WEBHOOK_ALLOW": "127.0.0.0/8"}
        with running(Path(name), own) as system, system.client(entities=(customer,), roles=ROLES) as client:
            assert client.post("/webhooks", json={"url": shop.url}).status_code == 201
            body = order(customerEntityUid=customer)
            order_id = client.post(HARDWARE, json=body, headers={"traceparent": caller}).json()["orderId"]
            wanted = {
                ("hardware-orders-api", "request"),
                ("hardware-orders-worker", "settle"),
                ("hardware-orders-relay", "publish"),
                ("hardware-orders-relay", "deliver"),
            }

            def of_trace() -> dict[tuple[str, str], Any]:
                return {(who, span.name): span for who, span in spans if span.trace_id.hex() == caller.split("-")[1]}

            eventually(lambda: wanted <= of_trace().keys())
            eventually(lambda: len(shop.came) >= 2)
            found = of_trace()
    request = found["hardware-orders-api", "request"]
    assert request.parent_span_id.hex() == caller.split("-")[2]
    assert all(found[step].parent_span_id == request.span_id for step in wanted if step[1] != "request")
    assert {item.key: item.value.int_value for item in request.attributes}["http.response.status_code"] == 200
    delivered = {span.span_id.hex() for _, span in spans if span.name == "deliver"}
    assert {headers["traceparent"].split("-")[2] for headers, _ in shop.came} <= delivered
    for who, span in spans:
        if span.name in ("settle", "publish", "deliver") and span.trace_id.hex() == caller.split("-")[1]:
            assert order_id in {item.value.string_value for item in span.attributes}, who
