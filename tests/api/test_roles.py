"""Every operation of the document, with every role, with none, and with nothing; and the life of an API key.

The table says who may do what: an operation that is not in it has not been thought about.
"""

import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from joserfc import jwt
from joserfc.jwk import ECKey
from starlette.testclient import TestClient

from hardware_orders import api_keys
from hardware_orders.api import event_stream, local_key
from hardware_orders.api.authentication import REMEMBERED_SECONDS
from hardware_orders.app import create_app
from hardware_orders.database import Database
from hardware_orders.migrations.upgrade import migrate
from hardware_orders.roles import Role
from hardware_orders.settings import Settings
from tests.api.jwks_server import jwks_server
from tests.system import eventually

NOWHERE = "redis://127.0.0.1:1"
ORDER = "00000000-0000-4000-8000-000000000000"
READERS = {Role.ORDERS_READ, Role.ORDERS_WRITE}
ABOUT_WEBHOOKS = (
    "addWebhook",
    "listWebhooks",
    "getWebhook",
    "changeWebhook",
    "removeWebhook",
    "renewWebhookSecret",
    "testWebhook",
    "replayWebhook",
    "listDeliveries",
    "redeliver",
)
ALLOWED = {
    "addHardwareOrder": {Role.ORDERS_WRITE},
    "previewHardwareOrder": {Role.ORDERS_WRITE},
    "replaceHardwareOrder": {Role.ORDERS_WRITE},
    "addBatch": {Role.ORDERS_WRITE},
    "getBatch": READERS,
    "listEvents": {Role.EVENTS_READ},
    "getOrder": READERS,
    "listOrderEvents": READERS | {Role.EVENTS_READ},
    "submitDraft": {Role.ORDERS_WRITE},
    "cancelOrder": {Role.ORDERS_WRITE},
    "discardDraft": {Role.ORDERS_WRITE},
    "reportProgress": {Role.FULFILMENT},
    "eraseOrder": {Role.ADMIN},
    "listTransitions": READERS | {Role.FULFILMENT},
    "searchOrders": READERS,
    **{name: {Role.WEBHOOKS_WRITE} for name in ABOUT_WEBHOOKS},
}


def an_app(database_url: str, folder: Path, **issuer: str) -> FastAPI:
    settings = {
        "database_url": database_url,
        "broker_url": NOWHERE,
        "events_url": NOWHERE,
        "local_signing_key": folder / "key.json",
    }
    return create_app(Settings.model_validate(settings | issuer))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("roles")


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[TestClient]:
    url = f"sqlite:///{folder}/orders.db"
    database = Database(url)
    migrate(database)
    database.dispose()
    with TestClient(an_app(url, folder)) as running:
        yield running


def token(folder: Path, *roles: str) -> str:
    key = local_key.load(folder / "key.json")
    return local_key.issue(key, sub="u-ada", name="Ada", entities=["*"], roles=roles, seconds=600)


def operations(client: TestClient) -> dict[str, tuple[str, str]]:
    """Method and path of each operation, by its id; the path's parameters filled in."""
    paths: dict[str, dict[str, Any]] = client.get("/openapi.json").json()["paths"]
    return {
        operation["operationId"]: (method.upper(), re.sub(r"\{\w+\}", ORDER, path))
        for path, methods in paths.items()
        for method, operation in methods.items()
    }


def test_the_document_says_of_every_operation_who_may_call_it(client: TestClient) -> None:
    paths: dict[str, dict[str, Any]] = client.get("/openapi.json").json()["paths"]
    named = {
        operation["operationId"]: {role for requirement in operation["security"] for role in requirement["bearer"]}
        for methods in paths.values()
        for operation in methods.values()
    }
    assert named == ALLOWED


def test_nobody_is_let_in_without_a_good_token(client: TestClient) -> None:
    for name, (method, path) in operations(client).items():
        without = client.request(method, path)
        made_up = client.request(method, path, headers={"Authorization": f"Bearer hw_{ORDER}_{'x' * 43}"})
        assert (name, without.status_code, without.headers["www-authenticate"]) == (name, 401, "Bearer")
        assert (made_up.status_code, made_up.headers["www-authenticate"]) == (401, 'Bearer error="invalid_token"')


@pytest.mark.parametrize("role", ["", "unknown", *Role])
def test_each_role_opens_its_operations_and_no_others(client: TestClient, folder: Path, role: str) -> None:
    headers = {"Authorization": f"Bearer {token(folder, *([role] if role else []))}"}
    opened = {
        name
        for name, (method, path) in operations(client).items()
        if client.request(method, path, headers=headers).status_code != 403
    }
    assert opened == {name for name, roles in ALLOWED.items() if role in roles}


def test_routes_that_ask_nobody_answer_whatever_is_sent(client: TestClient) -> None:
    for credentials in ("Bearer x", "Basic x", f"Bearer hw_{ORDER}_{'x' * 43}"):
        assert client.get("/healthz", headers={"Authorization": credentials}).status_code == 200


def test_a_token_of_an_issuer(client: TestClient, folder: Path) -> None:
    key = ECKey.generate_key("P-256", {"kid": "ec"})
    now = int(time.time())
    claims = {"iss": "issuer", "aud": "orders", "sub": "u-ada", "entity_id": "*", "roles": [Role.ORDERS_READ]}
    header = {"alg": "ES256", "typ": "at+jwt", "kid": "ec"}
    signed = jwt.encode(header, {**claims, "exp": now + 60}, key)
    headers = {"Authorization": f"Bearer {signed}"}
    with jwks_server(key) as server:
        issuer = {"jwks_url": server.url, "jwt_issuer": "issuer", "jwt_audience": "orders"}
        with TestClient(an_app(f"sqlite:///{folder}/orders.db", folder, **issuer), headers=headers) as trusting:
            eventually(lambda: server.asked)  # before anybody needs the keys
            assert trusting.get(f"/orders/{ORDER}").status_code == 404
            assert trusting.post(f"/orders/drafts/{ORDER}").status_code == 403
            local = {"Authorization": f"Bearer {token(folder, Role.ORDERS_READ)}"}
            assert trusting.get(f"/orders/{ORDER}", headers=local).status_code == 404
    assert client.get(f"/orders/{ORDER}", headers=headers).status_code == 401


def test_a_key_from_its_making_to_its_end(database_url: str, database: Database, tmp_path: Path) -> None:
    app = an_app(database_url, tmp_path)
    key, text = api_keys.create(database, name="Shop", entities=["*"], roles=[Role.ORDERS_READ])
    _, expired = api_keys.create(database, name="Old", entities=["*"], roles=[Role.ORDERS_READ], days=-1)
    with TestClient(app, headers={"Authorization": f"Bearer {text}"}) as client:
        authenticator = app.state.context.authenticator
        start = authenticator._clock()
        authenticator._clock = lambda: start
        assert client.get(f"/orders/{ORDER}").status_code == 404
        assert client.post(f"/orders/drafts/{ORDER}").status_code == 403
        assert client.get(f"/orders/{ORDER}", headers={"Authorization": f"Bearer {expired}"}).status_code == 401
        api_keys.revoke(database, key.key_id)
        authenticator._clock = lambda: start + REMEMBERED_SECONDS - 1
        assert client.get(f"/orders/{ORDER}").status_code == 404
        authenticator._clock = lambda: start + REMEMBERED_SECONDS
        assert client.get(f"/orders/{ORDER}").status_code == 401


def test_a_live_stream_ends_when_its_key_does(
    database_url: str, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_stream, "CHECK_SECONDS", 0)
    monkeypatch.setattr(event_stream, "HEARTBEAT_SECONDS", 0.05)
    app = an_app(database_url, tmp_path)
    key, text = api_keys.create(database, name="Shop", entities=["*"], roles=[Role.EVENTS_READ])
    answers: list[httpx2.Response] = []
    with TestClient(app, headers={"Authorization": f"Bearer {text}", "Accept": "text/event-stream"}) as client:
        authenticator, tail = app.state.context.authenticator, app.state.context.tail
        start = authenticator._clock()
        authenticator._clock = lambda: start
        # This client gives an answer once it has ended.
        thread = threading.Thread(target=lambda: answers.append(client.get("/events")), daemon=True)
        thread.start()
        eventually(lambda: tail._count)
        thread.join(0.5)
        assert thread.is_alive()
        api_keys.revoke(database, key.key_id)
        authenticator._clock = lambda: start + REMEMBERED_SECONDS
        thread.join(30)
        assert [answer.status_code for answer in answers] == [200]
        assert tail._count == 0


def test_a_key_while_the_database_is_away_is_503(database_url: str, tmp_path: Path) -> None:
    gone = "sqlite:////nowhere/at/all.db" if "sqlite" in database_url else f"{database_url}_gone"
    with TestClient(an_app(gone, tmp_path)) as client:
        headers = {"Authorization": f"Bearer hw_{ORDER}_{'x' * 43}"}
        answer = client.get(f"/orders/{ORDER}", headers=headers)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert client.get("/healthz", headers=headers).status_code == 200
