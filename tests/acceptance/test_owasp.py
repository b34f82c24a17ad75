"""OWASP API Security Top 10 (2023), a test for each but the first, which is `test_owasp_tenants.py`.

What the document lists is asked of every operation that it has, so that a new one is asked too.
"""

import base64
import json
import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import func, select, update
from starlette.testclient import TestClient

from hardware_orders.api import local_key
from hardware_orders.app import create_app
from hardware_orders.contract.body import check_partial_order
from hardware_orders.database import Database
from hardware_orders.errors import WrongSettingError
from hardware_orders.migrations.upgrade import migrate
from hardware_orders.portfolio.file_source import FileSource
from hardware_orders.portfolio.lookup import Found, Unavailable
from hardware_orders.portfolio.source import lookup_from
from hardware_orders.roles import Role
from hardware_orders.settings import Settings
from hardware_orders.tables import orders
from tests.acceptance.test_owasp_tenants import ABOUT_AN_ORDER, OF_DRAFTS
from tests.api.issuer_sign_in import AUDIENCE, EC, ISSUER, OKP, RSA, base64url, token
from tests.api.jwks_server import jwks_server
from tests.api.test_issuer_tokens import BAD
from tests.raw_http import chunked, exchange, request
from tests.system import ANN, CUSTOMER, System, eventually, order

HARDWARE = "/orders/hardware"
NOBODYS = str(uuid.UUID(int=11))
NOWHERE = "redis://127.0.0.1:1"
CLIENT = {Role.ORDERS_WRITE, Role.ORDERS_READ}
EVERY = tuple(Role)
# Served by each process about itself and the system, and the document with its pages: nobody's data.
ITS_OWN = {"/healthz", "/readyz", "/metrics", "/openapi.json", "/asyncapi.json", "/llms.txt", "/llms-full.txt"}

Operation = tuple[str, str, dict[str, Any]]


def operations(document: dict[str, Any]) -> list[Operation]:
    """Method, path with an id that is nobody's, and description of each."""
    return [
        (method.upper(), re.sub(r"\{\w+\}", NOBODYS, path), operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def named_roles(operation: dict[str, Any]) -> set[str]:
    return {role for requirement in operation["security"] for role in requirement["bearer"]}


@pytest.fixture(scope="module")
def served(system: System) -> list[Operation]:
    return operations(httpx2.get(f"{system.url}/openapi.json").json())


@contextmanager
def an_api(folder: Path, **settings: str) -> Iterator[tuple[TestClient, Database]]:
    """An API in this process, on a database of its own, whose broker and Redis are away."""
    url = f"sqlite:///{folder}/orders.db"
    database = Database(url)
    migrate(database)
    known = {
        "database_url": url,
        "broker_url": NOWHERE,
        "events_url": NOWHERE,
        "local_signing_key": folder / "key.json",
    }
    with TestClient(create_app(Settings.model_validate(known | settings)), raise_server_exceptions=False) as client:
        yield client, database
    database.dispose()


def signed(folder: Path, sub: str) -> str:
    """A new token of the API's own key."""
    key = local_key.load(folder / "key.json")
    return local_key.issue(key, sub=sub, name="Ann", entities=["*"], roles=list(CLIENT), seconds=60)


def test_2_broken_authentication(tmp_path: Path) -> None:
    with jwks_server(RSA, EC, OKP) as issuer:
        trusting = {"jwks_url": issuer.url, "jwt_issuer": ISSUER, "jwt_audience": AUDIENCE}
        with an_api(tmp_path, **trusting) as (client, _):

            def asked(credentials: str) -> tuple[int, str | None]:
                answer = client.get(f"/orders/{NOBODYS}", headers={"Authorization": f"Bearer {credentials}"})
                return answer.status_code, answer.headers.get("www-authenticate")

            refused = (401, 'Bearer error="invalid_token"')
            eventually(lambda: issuer.asked)  # before anybody needs the keys
            assert asked(token()) == (404, None)
            assert {name: asked(make()) for name, make in BAD.items()} == dict.fromkeys(BAD, refused)
            head, payload, signature = token().split(".")
            known = json.loads(base64.urlsafe_b64decode(head + "=="))
            for number in range(1_000):
                other = base64url(json.dumps({**known, "kid": f"{number}"}).encode())
                assert asked(f"{other}.{payload}.{signature}") == refused
            assert len(issuer.asked) <= 2
            issuer.status = 503
            assert asked(token(sub="u-bob")) == (404, None)
            for method, path, operation in operations(client.get("/openapi.json").json()):
                for headers in ({}, {"Authorization": "Basic YTpi"}, {"Authorization": "Bearer"}):
                    answer = client.request(method, path, headers=headers)
                    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer"), operation


SETTING_THEM_IS_NOBODYS = {
    "orderId": NOBODYS,
    "status": "COMPLETED",
    "orderType": "MerchantOrder",
    "createdBy": "somebody else",
    "createdUserUid": NOBODYS,
    "createdDate": "2001-01-01T00:00:00Z",
    "modifiedDate": "2001-01-01T00:00:00Z",
}
NO_MEMBERS = {
    "state": "SUBMITTED",
    "submittedAt": "2001-01-01T00:00:00Z",
    "version": 9,
    "dueAt": None,
    "is_admin": True,
}

ABOUT_A_WEBHOOK: dict[str, Callable[[str], dict[str, Any]]] = {
    "addWebhook": lambda _: {"url": "https://shop.example.com/"},
    "changeWebhook": lambda _: {"enabled": False},
    "replayWebhook": lambda _: {"after": 0},
}


def test_3_broken_object_property_level_authorization(system: System, served: list[Operation]) -> None:
    with system.client(roles=EVERY) as client:
        draft = client.post(HARDWARE, json=order(), headers={"saveDraft": "true"}).json()
        path = f"{HARDWARE}/{draft['orderId']}"
        body = {name: draft[name] for name in ("orderReference", "customerEntityUid")}
        for name, value in {**SETTING_THEM_IS_NOBODYS, **NO_MEMBERS}.items():
            for method, where in (("POST", HARDWARE), ("PUT", path)):
                refused = client.request(method, where, json={**body, name: value})
                assert (refused.status_code, refused.json()["param"]) == (400, name), method
        moved = client.put(path, json={**body, "customerEntityUid": NOBODYS})
        assert (moved.status_code, moved.json()["param"]) == (400, "customerEntityUid")
        nested = client.post(HARDWARE, json={**body, "paymentDetails": {"paid": True}})
        assert (nested.status_code, nested.json()["param"]) == (400, "paymentDetails.paid")
        # Every operation that takes a body, with a good one and a member too many.
        for method, where, operation in served:
            if "application/json" in operation.get("requestBody", {}).get("content", {}):
                made = client.post(
                    HARDWARE, json=order(), headers={"saveDraft": str(operation["operationId"] in OF_DRAFTS).lower()}
                ).json()
                about = {**ABOUT_AN_ORDER, **ABOUT_A_WEBHOOK}
                good = about.get(operation["operationId"], ABOUT_AN_ORDER["replaceHardwareOrder"])
                refused = client.request(
                    method, where.replace(NOBODYS, made["orderId"]), json={**good(CUSTOMER), "is_admin": True}
                )
                assert (refused.status_code, refused.json()["param"]) == (400, "is_admin"), operation["operationId"]
        assert client.get(f"/orders/{draft['orderId']}").json() == draft
    # What is answered is an allow-list: `system.client` holds every answer to the document, closed.
    described = httpx2.get(f"{system.url}/openapi.json").json()["components"]["schemas"]["Order"]["properties"]
    assert draft.keys() <= described.keys()


def test_4_unrestricted_resource_consumption(system: System, served: list[Operation]) -> None:
    authorized = [("Authorization", f"Bearer {system.token()}"), ("Content-Type", "application/json")]
    large = json.dumps(order(notes="n" * 2**22)).encode()
    for sent in (
        request("POST", HARDWARE, authorized, large),
        request("POST", HARDWARE, [*authorized, ("Transfer-Encoding", "chunked")]) + chunked(large),
    ):
        assert exchange(system.url, sent).problem["status"] == 413
    device = {"devicePackage": {"packageBundleId": "P1", "quantity": 1}}
    merchant = {"primaryContact": {"name": {"firstName": "A", "lastName": "B"}}}
    with system.client(roles=EVERY) as client:
        too_much: dict[str, dict[str, Any]] = {
            "additionalOrderData": {"additionalOrderData": [{"variableName": "a", "variableValue": "b"}] * 101},
            "merchant.pois": {"merchant": {**merchant, "pois": [device] * 1_001}},
            "notes": {"notes": "n" * 100_000},
        }
        for param, extra in too_much.items():
            refused = client.post(HARDWARE, json=order(**extra))
            assert (refused.status_code, refused.json()["param"]) == (400, param)
        deep = client.post(HARDWARE, content="[" * 100_000, headers={"Content-Type": "application/json"})
        assert deep.status_code == 400
        for body in (order(additionalOrderData=[{}] * 100_000), {f"unknown{number}": 1 for number in range(100_000)}):
            many = client.post(HARDWARE, json=body)
            assert (many.status_code, len(many.json()["errors"]) <= 20, len(many.content) < 16_384) == (400, True, True)
        for method, path, operation in served:
            for parameter in map(system.description.resolved, operation.get("parameters", [])):
                if parameter["schema"].get("type") == "integer":
                    most = parameter["schema"].get("maximum", 2**31)
                    refused = client.request(method, path, params={parameter["name"]: most + 1})
                    assert (refused.status_code, refused.json()["param"]) == (400, parameter["name"])
        # Of one order: a numbered page of orders that are too large together is refused.
        own = {"orderReference": client.post(HARDWARE, json=order()).json()["orderReference"]}
        listed = [client.get("/orders", params={**own, **most}) for most in ({"limit": 500}, {"pageSize": 100})]
        assert [answer.status_code for answer in listed] == [200, 200]


def test_5_broken_function_level_authorization(system: System, served: list[Operation]) -> None:
    with system.client(roles=("orders:read", "orders:write")) as client:
        closed = {
            operation["operationId"]: client.request(method, path).status_code
            for method, path, operation in served
            if not named_roles(operation) & CLIENT
        }
    assert closed == dict.fromkeys(closed, 403)
    assert "reportProgress" in closed
    with system.client(roles=("orders:read",)) as reader, system.client(roles=()) as nobody:
        for method, path, operation in served:
            assert nobody.request(method, path).status_code == 403, operation["operationId"]
            if method != "GET":
                assert reader.request(method, path).status_code == 403, operation["operationId"]


def test_6_unrestricted_access_to_sensitive_business_flows(tmp_path: Path) -> None:
    with an_api(tmp_path, rate_limit="3/hour") as (client, database):

        def ordered(sub: str) -> httpx2.Response:
            headers = {"Authorization": f"Bearer {signed(tmp_path, sub)}", "Prefer": "respond-async"}
            answer: httpx2.Response = client.post(HARDWARE, json=order(), headers=headers)
            return answer

        # Another token is no other caller, and without Redis the process counts by itself.
        assert [ordered("u-script").status_code for _ in range(3)] == [202] * 3
        refused = ordered("u-script")
        assert (refused.status_code, refused.json()["type"]) == (429, "RATE_LIMIT_ERROR")
        assert int(refused.headers["retry-after"]) > 0
        with database.read() as connection:
            assert connection.execute(select(func.count()).select_from(orders)).scalar_one() == 3
        assert ordered("u-shop").status_code == 202


# Where a machine's own services, its neighbours or its cloud's secrets are, as libraries that resolve names read them.
INWARD = (
    *("10.0.0.1", "169.254.169.254", "192.168.0.1", "172.16.0.1", "100.64.0.1", "0.0.0.0", "0", "2130706433"),  # noqa: S104
    *("0x7f000001", "0177.0.0.1", "127.1", "[::ffff:10.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[fe80::1]"),
    *("[fd00::1]", "[::]", "metadata.google.internal", "localhost.example.com", "127.0.0.1.example.com"),
)


def test_7_server_side_request_forgery(tmp_path: Path) -> None:
    with jwks_server(RSA) as canary:
        inside = canary.url.partition("//")[2]
        forms = [f"http://{host}/jwks" for host in INWARD]
        for url in [
            *forms,
            f"https://user:secret@{inside}",
            f"ftp://{inside}",
            f"gopher://{inside}",
            "file:///etc/passwd",
        ]:
            with pytest.raises(WrongSettingError, match="JWKS_URL"):
                _ = Settings.model_validate({"jwks_url": url, "jwt_issuer": ISSUER, "jwt_audience": AUDIENCE}).issuer
        # A Portfolio Service may be inside, as the operator says; a caller names none, and its redirections lead nowhere.
        for url in [f"http://user:secret@{inside}", f"ftp://{inside}", f"file://{inside}", f"FILE:{canary.url}"]:
            with pytest.raises(WrongSettingError, match="PORTFOLIO_URL"):
                lookup_from(url)
        with jwks_server() as issuer:
            issuer.status, issuer.headers = 302, {"Location": canary.url}
            settings = {"jwks_url": issuer.url, "jwt_issuer": ISSUER, "jwt_audience": AUDIENCE}
            with an_api(tmp_path, **settings) as (client, _):
                eventually(lambda: issuer.asked)
                # Neither by way of the issuer, nor of what a token's own header names.
                for header in ({}, {"jku": canary.url}, {"x5u": canary.url}):
                    headers = {"Authorization": f"Bearer {token(header=header)}"}
                    assert client.get(f"/orders/{NOBODYS}", headers=headers).status_code in (401, 503)
        assert canary.asked == []


def test_8_security_misconfiguration(system: System, served: list[Operation], tmp_path: Path) -> None:
    origin = {"Origin": "https://elsewhere.example.com", "Access-Control-Request-Method": "POST"}
    with system.client(roles=EVERY) as client:
        for method, path, _ in served:
            preflight = client.options(path, headers=origin)
            assert preflight.status_code == 405
            assert client.request("TRACE", path).status_code == 405
            for answer in (preflight, client.request(method, path, headers=origin)):
                assert not [
                    name for name in answer.headers if name.startswith(("access-control", "server", "x-powered"))
                ]
        for page in ("/docs", "/docs/reference/addHardwareOrder"):
            text = httpx2.get(f"{system.url}{page}", headers={"Accept": "text/html"}).text
            assert "<script" not in text, page
    with an_api(tmp_path) as (client, database):
        headers = {"Authorization": f"Bearer {signed(tmp_path, ANN)}", "Prefer": "respond-async"}
        made = client.post(HARDWARE, json=order(), headers=headers).json()["orderId"]
        with database.write() as connection:
            connection.execute(update(orders).values(sent="{secret", body="{secret"))  # what no reader expects
        fault = client.get(f"/orders/{made}", headers=headers)
    assert fault.status_code == 500
    assert fault.headers["content-type"] == "application/problem+json"
    for inner in ("Traceback", "secret", "orjson", "JSON", "sqlite", "SELECT", str(tmp_path), ".py"):
        assert inner not in fault.text
    servers = {"database_url": f"sqlite:///{tmp_path}/other.db", "broker_url": NOWHERE, "events_url": NOWHERE}
    database = Database(servers["database_url"])
    migrate(database)
    database.dispose()
    with pytest.raises(WrongSettingError, match="Nobody could sign in"):  # there is no secret by default
        create_app(Settings.model_validate(servers))


def test_9_improper_inventory_management(system: System, tmp_path: Path) -> None:
    document = httpx2.get(f"{system.url}/openapi.json").json()
    with an_api(tmp_path) as (client, _):
        assert client.get("/openapi.json").json() == document
        app: Any = client.app
        routes = {route.path for route in app.routes}
    beside = routes - document["paths"].keys()
    assert document["paths"].keys() <= routes
    pages = ("/docs", "/dashboard", "/events/schemas/")
    assert {path for path in beside if not path.startswith(pages)} == ITS_OWN
    # A method that is not described is not served.
    with system.client(roles=EVERY) as client:
        # The dashboard's forms are held to their methods where it is tested.
        read_only: list[tuple[str, dict[str, Any]]] = [
            (path, {"get": {}}) for path in beside if not path.startswith("/dashboard")
        ]
        for path, methods in [*document["paths"].items(), *read_only]:
            for method in {"get", "post", "put", "patch", "delete"} - methods.keys():
                answer = client.request(method, path.replace("{orderId}", NOBODYS))
                assert answer.status_code == 405, (method, path)
                allowed = answer.headers["allow"].lower().split(", ")
                assert {*allowed} - {"head"} == methods.keys()
    tags = {tag["name"] for tag in document["tags"]}
    for method, path, operation in operations(document):
        assert len(set(operation["tags"]) & tags) == len(operation["tags"]) == 1, (method, path)
        assert named_roles(operation)
        assert named_roles(operation) <= set(Role)


PORTFOLIO = {"portfolioUid": NOBODYS, "version": 1, "name": "Docks", "customerEntityUid": CUSTOMER, "isDefault": True}
BAD_DEFAULTS: list[dict[str, Any]] = [
    {"notes": 7},
    {"notes": "a\0"},
    {"notes": "\ud800"},
    {"notes": "n" * 100_000},
    {"merchant": {"companyAddress": {"country": "XXX"}}},
    {"merchant": {"mcc": "12a4"}},
    {"merchant": {"pois": [{}] * 1_001}},
    {"packageDetails": {"basePackageBundle": {"price": "free"}}},
    {"paymentDetails": {"paymentType": "GOLD"}},
    {"requestedDate": "0001-01-01T00:00:00+23:59"},
    {"state": "SUBMITTED"},
    {"status": "COMPLETED"},
]
BAD_PORTFOLIOS: list[dict[str, Any]] = [
    {"version": 2**64},
    {"version": "1"},
    {"name": "n" * 256},
    {"customerEntityUid": "*"},
    {"isDefault": "yes"},
    {"script": "rm"},
    {"requestedDate": {"leadTimeDays": 10**9, "timeZone": "UTC"}},
    {"requestedDate": {"leadTimeDays": 1, "timeZone": "../../etc/passwd"}},
]


@pytest.mark.parametrize("suffix", ["json", "yaml"])
def test_10_unsafe_consumption_of_apis(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"portfolios.{suffix}"

    def outcome(content: str | bytes) -> object:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return FileSource(path)([CUSTOMER])[CUSTOMER]

    def written(**members: Any) -> str:
        return json.dumps({"portfolios": [PORTFOLIO | members]})

    assert isinstance(outcome(written(defaults={"notes": "Ring twice."})), Found)
    for defaults in BAD_DEFAULTS:
        assert check_partial_order(defaults), "a client may not send it either"
        assert isinstance(outcome(written(defaults=defaults)), Unavailable), defaults
    for members in BAD_PORTFOLIOS:
        assert isinstance(outcome(written(**members)), Unavailable), members
    huge = written().replace('"version": 1', '"version": ' + "9" * 5_000)
    for content in (b"", b"[]", b"\xff\xfe", b"[" * 100_000, b"{" * 10, huge, "!!python/object/apply:os.getcwd []"):
        assert isinstance(outcome(content), Unavailable), content[:40]
