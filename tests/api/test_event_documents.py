"""The AsyncAPI document and the schemas of events: valid, whole, and never worse for a consumer than the published ones."""

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import pytest
from jsonschema import Draft7Validator, Draft202012Validator
from starlette.testclient import TestClient

from hardware_orders.api.document import event_files
from hardware_orders.orders.status import EventType
from tests.api import published_schemas
from tests.api.application import unstarted

REFERENCE = {"type": "object", "required": ["$ref"], "properties": {"$ref": {"type": "string", "pattern": "^#/"}}}
TEXT = {"type": "string", "minLength": 1}


def _map(values: dict[str, Any], names: str = r"^[\w.\-]+$") -> dict[str, Any]:
    return {"type": "object", "patternProperties": {names: values}, "additionalProperties": False, "minProperties": 1}


def _closed(required: dict[str, Any], **optional: Any) -> dict[str, Any]:
    members = {**required, **optional}
    return {"type": "object", "properties": members, "required": list(required), "additionalProperties": False}


# AsyncAPI 3.0.0, as far as this document uses it: fixed fields of its objects, which of them are required, and their kinds.
RULES = _closed(
    {
        "asyncapi": {"const": "3.0.0"},
        "info": _closed({"title": TEXT, "version": TEXT}, description=TEXT),
    },
    defaultContentType={"type": "string", "pattern": r"^\w+/[\w.+\-]+$"},
    servers=_map(
        _closed(
            {"host": TEXT, "protocol": {"enum": ["http", "https", "redis"]}},
            description=TEXT,
            variables=_map(_closed({}, default=TEXT, description=TEXT, enum={"type": "array"})),
            security={"type": "array", "items": REFERENCE},
        )
    ),
    channels=_map(
        _closed(
            {},
            address={"type": ["string", "null"]},
            title=TEXT,
            description=TEXT,
            servers={"type": "array", "items": REFERENCE, "uniqueItems": True},
            messages=_map(REFERENCE),
        )
    ),
    operations=_map(
        _closed(
            {"action": {"enum": ["send", "receive"]}, "channel": REFERENCE},
            summary=TEXT,
            messages={"type": "array", "items": REFERENCE, "minItems": 1, "uniqueItems": True},
        )
    ),
    components=_closed(
        {},
        messages=_map(_closed({}, name=TEXT, title=TEXT, summary=TEXT, payload=REFERENCE)),
        schemas=_map({"type": "object"}),
        securitySchemes=_map(
            _closed({"type": {"const": "http"}, "scheme": TEXT}, bearerFormat=TEXT),
        ),
    ),
)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    return TestClient(unstarted(tmp_path_factory.mktemp("api")))


@pytest.fixture(scope="module")
def document(client: TestClient) -> dict[str, Any]:
    answer = client.get("/asyncapi.json")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.headers["cache-control"].startswith("public, max-age=")
    found: dict[str, Any] = answer.json()
    return found


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from references(item)


def resolved(document: Any, reference: str) -> Any:
    for step in reference.removeprefix("#/").split("/"):
        document = document[step]
    return document


def test_it_is_asyncapi(document: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(RULES)
    assert [error.message for error in Draft202012Validator(RULES).iter_errors(document)] == []
    for server in document["servers"].values():
        assert server["host"] == "{host}"
        assert "host" in server["variables"]
    # Its schemas are read as those of draft 7 where no other format is named.
    for schema in document["components"]["schemas"].values():
        Draft7Validator.check_schema(schema)
        Draft202012Validator.check_schema(schema)


def test_every_reference_leads_somewhere_and_every_part_is_referred_to(document: dict[str, Any]) -> None:
    found = set(references(document))
    for reference in found:
        resolved(document, reference)
    parts = {f"#/components/{kind}/{name}" for kind, named in document["components"].items() for name in named}
    assert parts <= found


def test_every_type_is_a_message_of_every_channel_and_operations_send_their_channels(document: dict[str, Any]) -> None:
    told = {kind.value for kind in EventType}
    assert set(document["components"]["messages"]) == told == {kind.value for kind in event_files.MEANINGS}
    for channel in document["channels"].values():
        assert set(channel["messages"]) == told
    channels = set()
    for operation in document["operations"].values():
        channel = operation["channel"]["$ref"]
        channels.add(channel)
        assert {message["$ref"] for message in operation["messages"]} == {f"{channel}/messages/{kind}" for kind in told}
    assert channels == {f"#/channels/{name}" for name in document["channels"]}
    assert document["channels"]["stream"]["address"] == "hardware-orders:events"


def test_the_schemas_are_served_as_they_are_published(client: TestClient) -> None:
    for name, schema in published_schemas.published().items():
        answer = client.get(f"/events/schemas/{name}")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/schema+json")
        assert answer.json() == schema
        Draft202012Validator.check_schema(schema)


def test_no_published_event_has_lost_or_changed_a_field() -> None:
    faults = published_schemas.faults(published_schemas.published(), published_schemas.made())
    assert faults == [], "consumers rely on these; add beside them, or publish a new type"


def test_the_published_schemas_are_those_of_the_code() -> None:
    remedy = f"what is new is not published yet: run `{published_schemas.COMMAND}` and commit docs/schemas"
    assert published_schemas.published() == published_schemas.made(), remedy


Alter = Callable[[dict[str, Any]], Any]
DEFINITIONS = "$defs"


def _shared(name: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda files: files[event_files.SHARED][DEFINITIONS][name]


@pytest.mark.parametrize(
    ("alter", "said"),
    [
        (lambda files: _shared("OrderEventData")(files)["properties"].pop("changes"), "changes is gone"),
        (lambda files: _shared("Order")(files)["properties"].pop("notes"), "notes is gone"),
        (lambda files: _shared("Actor")(files)["properties"]["name"].update(type="integer"), "type has changed"),
        (lambda files: _shared("OrderStatusEnum")(files)["enum"].remove("DRAFT"), "DRAFT is no value any more"),
        (lambda files: _shared("OrderEvent")(files)["properties"]["source"].update(const="/x"), "const has changed"),
        (
            lambda files: _shared("OrderEventData")(files)["properties"]["position"].update(type="string"),
            "type has changed",
        ),
        (lambda files: _shared("Order")(files)["required"].append("notes"), "notes is now required"),
        (lambda files: _shared("Order")(files)["required"].remove("status"), "status may be absent"),
        (lambda files: _shared("OrderEvent")(files)["properties"]["time"].pop("format"), "format has changed"),
        (lambda files: files.pop("order.held.json"), "order.held.json is gone"),
        (lambda files: files["order.held.json"]["properties"]["type"].update(const="x"), "const has changed"),
        (lambda files: files["order.held.json"].update(allOf=[]), "allOf has other parts"),
    ],
)
def test_what_a_consumer_would_stumble_over_is_found(alter: Alter, said: str) -> None:
    made = published_schemas.made()
    altered = deepcopy(made)
    alter(altered)
    assert any(fault.endswith(said) for fault in published_schemas.faults(made, altered))


@pytest.mark.parametrize(
    "alter",
    [
        lambda files: _shared("Order")(files)["properties"].update(isNew={"type": "boolean"}),
        lambda files: _shared("OrderStatusEnum")(files)["enum"].append("NEW"),
        lambda files: _shared("Order")(files)["properties"]["status"].update(description="In other words."),
        lambda files: files.update({"order.new.json": files["order.held.json"]}),
    ],
)
def test_what_is_only_added_is_none(alter: Alter) -> None:
    made = published_schemas.made()
    altered = deepcopy(made)
    alter(altered)
    assert json.dumps(altered) != json.dumps(made)
    assert published_schemas.faults(made, altered) == []
