"""The served document: every route is in it, it is complete and sound, and its examples are what it says they are."""

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from fastapi import FastAPI
from fastapi.openapi.models import OpenAPI
from starlette.routing import Route

from hardware_orders import __version__, instants
from hardware_orders.api import hardware, health, metrics, orders
from hardware_orders.api.document import build, pages
from hardware_orders.api.path import Path as ServedPath
from hardware_orders.contract.body import check_cancellation, check_order
from hardware_orders.orders import events
from tests.api.application import unstarted
from tests.description import Description

METHODS = {"get", "put", "post", "delete", "patch"}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    return unstarted(tmp_path_factory.mktemp("api"))


@pytest.fixture(scope="module")
def document(app: FastAPI) -> dict[str, Any]:
    return app.openapi()


@pytest.fixture(scope="module")
def description(document: dict[str, Any]) -> Description:
    return Description(document)


def _operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    return (operation for methods in document["paths"].values() for operation in methods.values())


def test_every_route_is_described_but_those_of_the_process_itself(app: FastAPI, document: dict[str, Any]) -> None:
    served = {route.path for route in app.routes if isinstance(route, Route) and isinstance(route.app, ServedPath)}
    own = [*health.router.routes, *metrics.router.routes]
    assert served - set(document["paths"]) == {route.path for route in own if isinstance(route, Route)}
    described = {(path, method.upper()) for path, methods in document["paths"].items() for method in methods}
    assert described == {
        ("/orders/hardware", "POST"),
        ("/orders/hardware/{orderId}", "PUT"),
        ("/orders/hardware/preview", "POST"),
        ("/orders/hardware/batch", "POST"),
        ("/orders/hardware/batch/{batchId}", "GET"),
        ("/events", "GET"),
        ("/orders", "GET"),
        ("/orders/{orderId}", "GET"),
        ("/orders/{orderId}/events", "GET"),
        ("/orders/transitions", "GET"),
        ("/orders/drafts/{orderId}", "POST"),
        ("/orders/drafts/{orderId}", "DELETE"),
        ("/orders/{orderId}/cancel", "POST"),
        ("/orders/{orderId}/status", "POST"),
        ("/orders/{orderId}/erasure", "POST"),
        ("/webhooks", "POST"),
        ("/webhooks", "GET"),
        ("/webhooks/{endpointId}", "GET"),
        ("/webhooks/{endpointId}", "PATCH"),
        ("/webhooks/{endpointId}", "DELETE"),
        ("/webhooks/{endpointId}/secret", "POST"),
        ("/webhooks/{endpointId}/test", "POST"),
        ("/webhooks/{endpointId}/replay", "POST"),
        ("/webhooks/{endpointId}/deliveries", "GET"),
        ("/webhooks/{endpointId}/deliveries/{eventId}/redeliver", "POST"),
    }


def test_it_is_openapi(document: dict[str, Any]) -> None:
    OpenAPI.model_validate(document)
    assert document["openapi"].startswith("3.1.")
    assert {tag for operation in _operations(document) for tag in operation["tags"]} == {
        tag["name"] for tag in document["tags"]
    }


def test_every_operation_says_who_may_do_it_what_it_answers_and_what_can_go_wrong(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for operation in _operations(document)]
    assert len(set(names)) == len(names)
    for operation in _operations(document):
        assert operation["summary"]
        assert operation["description"].endswith(".")
        assert operation["security"]
        assert {"400", "401", "403", "500", "503"} < operation["responses"].keys()
        assert {"413", "415"} <= operation["responses"].keys() or "requestBody" not in operation
        templates = re.findall(r"\{(\w+)\}", next(p for p, m in document["paths"].items() if operation in m.values()))
        assert "404" in operation["responses"] or not templates


def test_every_reference_leads_somewhere_and_every_component_is_used(
    document: dict[str, Any], description: Description
) -> None:
    references = set(_references(json.loads(json.dumps(document))))
    for reference in references:
        assert description.resolved({"$ref": reference})
    components = {f"#/components/{kind}/{name}" for kind, named in document["components"].items() for name in named}
    assert components - references == {"#/components/securitySchemes/bearer"}


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        value = list(value.values())
    if isinstance(value, list):
        for nested in value:
            yield from _references(nested)


def test_every_schema_is_sound_and_every_member_described(document: dict[str, Any]) -> None:
    for name, schema in document["components"]["schemas"].items():
        jsonschema.Draft202012Validator.check_schema(schema)
        assert schema["description"], name
        assert set(schema.get("required", [])) <= set(schema.get("properties", {})), name
        for member, part in schema.get("properties", {}).items():
            assert "description" in part or "$ref" in part, f"{name}.{member}"


def test_generators_of_clients_find_a_name_for_everything(document: dict[str, Any]) -> None:
    for operation in _operations(document):
        body = operation.get("requestBody", {"content": {}})
        assert all("$ref" in content["schema"] for content in body["content"].values()), operation["operationId"]
    for words in _enumerations(document):
        assert len({str(word).upper() for word in words}) == len(words), "two constants of one name"


def _enumerations(value: Any) -> Iterator[list[Any]]:
    if isinstance(value, dict):
        if isinstance(value.get("enum"), list):
            yield value["enum"]
        value = list(value.values())
    if isinstance(value, list):
        for nested in value:
            yield from _enumerations(nested)


def test_every_example_is_what_its_schema_says(document: dict[str, Any], description: Description) -> None:
    shown = 0
    for where, part in _with_schema(document):
        values = [description.resolved(example)["value"] for example in part.get("examples", {}).values()]
        values += [part["example"]] if "example" in part else []
        for value in values:
            assert description.faults(part["schema"], value) == [], where
            shown += 1
    assert shown > 20


def _with_schema(value: Any, where: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Whatever has a schema, and may have examples of it: contents, parameters, headers."""
    if isinstance(value, dict):
        if isinstance(value.get("schema"), dict):
            yield where, value
        for name, member in value.items():
            yield from _with_schema(member, f"{where}/{name}")


@pytest.mark.parametrize(
    "operation", ["addHardwareOrder", "previewHardwareOrder", "replaceHardwareOrder", "cancelOrder"]
)
def test_every_body_shown_is_taken(document: dict[str, Any], description: Description, operation: str) -> None:
    found = next(each for each in _operations(document) if each["operationId"] == operation)
    check = check_cancellation if operation == "cancelOrder" else check_order
    examples = found["requestBody"]["content"]["application/json"]["examples"]
    assert examples
    for example in examples.values():
        assert check(description.resolved(example)["value"]) == []


def test_the_timeline_shown_is_chained(document: dict[str, Any]) -> None:
    shown = document["components"]["examples"]["events"]["value"]["events"]
    previous = "0" * 64
    for event in shown:
        row = {
            "event_id": event["id"],
            "order_id": event["subject"],
            "sequence": event["data"]["sequence"],
            "type": event["type"].removeprefix("hardware-orders."),
            "occurred_at": instants.parse(event["time"]),
            "digest": event["digest"],
        }
        assert event["hash"] == events.chain(previous, row)
        previous = event["hash"]


def _digest() -> str:
    routers = (hardware.router, orders.router)
    routes: Any = [route for router in routers for route in router.routes]
    served = pages.pages(build.document(routes, title="Hardware Orders", version=__version__))
    return hashlib.sha256(b"".join(page.content for page in served.values())).hexdigest()


def test_every_start_makes_the_same_document_and_pages() -> None:
    program = f"from {__name__} import _digest; print(_digest())"
    environment = {**os.environ, "PYTHONHASHSEED": "4", "PYTHONPATH": os.pathsep.join(sys.path)}
    other = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert other.stdout.strip() == _digest()
