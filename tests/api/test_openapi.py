"""The served description: every route is in it, and every reference in it leads somewhere."""

import json
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from hardware_orders.app import create_app
from hardware_orders.settings import Settings


@pytest.fixture
def app(tmp_path: Path) -> FastAPI:
    return create_app(
        Settings(
            database_url=f"sqlite:///{tmp_path}/orders.db",
            broker_url="redis://127.0.0.1:1",
            events_url="redis://127.0.0.1:1",
            local_signing_key=tmp_path / "key.json",
        )
    )


def test_every_route_is_described(app: FastAPI) -> None:
    described = {(path, method.upper()) for path, methods in app.openapi()["paths"].items() for method in methods}
    assert described == {
        ("/orders/hardware", "POST"),
        ("/orders/hardware/{orderId}", "PUT"),
        ("/orders/{orderId}", "GET"),
        ("/orders/{orderId}/events", "GET"),
        ("/orders/drafts/{orderId}", "POST"),
        ("/orders/{orderId}/cancel", "POST"),
    }


def test_every_reference_leads_somewhere(app: FastAPI) -> None:
    document = app.openapi()
    references = set(_references(json.loads(json.dumps(document))))
    assert len(references) > 20
    for reference in references:
        found: Any = document
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
        assert found


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [reference for nested in value.values() for reference in _references(nested)]
    return [reference for nested in value for reference in _references(nested)] if isinstance(value, list) else []
