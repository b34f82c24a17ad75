"""The contract row by row on a running system: each refusal's body and headers, keys, preferences, conditions, tokens."""

import base64
import concurrent.futures
import hmac
import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from joserfc import jwt

from hardware_orders import instants
from hardware_orders.api import local_key
from tests.acceptance.bad_inputs import JSON
from tests.description import OF_ALL
from tests.raw_http import answer, connect, exchange, request
from tests.system import CUSTOMER, System, eventually, order

HARDWARE = "/orders/hardware"
DRAFT = {"saveDraft": "true"}
SIMPLIFIED = {"X-Use-Simplified-Order-Flow": "true"}
EVERYTHING = ("orders:write", "orders:read", "events:read", "fulfilment")
NO_ORDER = str(uuid.UUID(int=11))
MEMBERS = ["type", "title", "status", "detail", "instance", "code", "message", "timestamp"]


@pytest.fixture(scope="module")
def client(system: System) -> Iterator[httpx2.Client]:
    with system.client(roles=EVERYTHING) as opened:
        yield opened


def made(client: httpx2.Client, headers: dict[str, str] | None = None, body: Any = None) -> Any:
    answered = client.post(HARDWARE, json=body or order(), headers=headers)
    assert answered.status_code == 200, answered.text
    return answered.json()


def a_key() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid.uuid4())}


# The one error body


@pytest.mark.parametrize(
    ("status", "kind", "method", "path", "headers", "body"),
    [
        (400, "INVALID_REQUEST_ERROR", "POST", HARDWARE, {}, {"orderReference": ""}),
        (400, "INVALID_REQUEST_ERROR", "POST", HARDWARE, {"saveDraft": "maybe"}, {}),
        (400, "INVALID_REQUEST_ERROR", "GET", "/orders?pageSize=0", {}, None),
        (400, "INVALID_REQUEST_ERROR", "GET", "/orders/none", {}, None),
        (400, "INVALID_REQUEST_ERROR", "DELETE", f"/orders/drafts/{NO_ORDER}", {"If-Match": "7"}, None),
        (400, "INVALID_REQUEST_ERROR", "PUT", f"{HARDWARE}/{NO_ORDER}", {"If-None-Match": "*"}, {}),
        (401, "AUTHENTICATION_ERROR", "GET", "/orders", {"Authorization": ""}, None),
        (401, "AUTHENTICATION_ERROR", "POST", HARDWARE, {"Authorization": "Bearer x.y.z"}, {}),
        (401, "AUTHENTICATION_ERROR", "POST", HARDWARE, {"Authorization": "Basic eDp5"}, {}),
        (404, "INVALID_REQUEST_ERROR", "GET", f"/orders/{NO_ORDER}", {}, None),
        (404, "INVALID_REQUEST_ERROR", "GET", "/nothing", {}, None),
        (404, "INVALID_REQUEST_ERROR", "POST", f"{HARDWARE}/", {}, {}),
        (405, "INVALID_REQUEST_ERROR", "PATCH", HARDWARE, {}, {}),
        (405, "INVALID_REQUEST_ERROR", "OPTIONS", "/orders", {}, None),
        (415, "INVALID_REQUEST_ERROR", "POST", HARDWARE, {"Content-Type": "text/plain"}, {}),
    ],
)
def test_a_refusal_has_these_members_and_no_others(
    client: httpx2.Client, *, status: int, kind: str, method: str, path: str, headers: dict[str, str], body: Any
) -> None:
    refused = client.request(method, path, json=body, headers=headers)
    problem = refused.json()
    assert (refused.status_code, problem["type"], problem["status"], problem["code"]) == (
        *(status, kind, status),
        str(status),
    )
    assert refused.headers["content-type"] == "application/problem+json"
    assert list(problem) == MEMBERS + [name for name in ("param", "errors") if name in problem]
    assert problem["message"] == problem["detail"] != ""
    assert problem["instance"] == path.partition("?")[0]
    assert abs(time.time() - instants.parse(problem["timestamp"]).timestamp()) < 60
    assert problem["timestamp"].endswith("Z")
    if "errors" in problem:
        assert problem["param"] == problem["errors"][0]["param"]
        assert all(error.keys() == {"param", "code", "message"} for error in problem["errors"])
    assert ("www-authenticate" in refused.headers) == (status == 401)
    assert ("allow" in refused.headers) == (status == 405)


def test_of_fifty_errors_twenty_are_listed(client: httpx2.Client) -> None:
    refused = client.post(HARDWARE, json={f"member{number}": 1 for number in range(50)})
    assert (refused.status_code, len(refused.json()["errors"])) == (400, 20)
    assert refused.json()["detail"].endswith(" The first 20 errors are listed.")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/healthz"),
        ("GET", "/readyz"),
        ("GET", "/metrics"),
        ("GET", "/docs"),
        ("GET", "/openapi.json"),
        ("HEAD", "/openapi.json"),
        ("GET", "/llms.txt"),
        ("GET", "/orders/transitions"),
        ("GET", "/nothing"),
        ("TRACE", "/orders"),
        ("BREW", "/"),
    ],
)
def test_every_answer_has_the_same_headers_once_and_none_names_the_server(
    system: System, method: str, path: str
) -> None:
    found = exchange(system.url, request(method, path), method)
    assert {name: found.headers.get(name) for name in OF_ALL} == OF_ALL
    kept = path in ("/docs", "/openapi.json", "/llms.txt")
    assert found.headers["cache-control"] == ("public, max-age=300" if kept else "no-store")
    assert not {"server", "x-powered-by", "via"} & found.headers.keys()


def test_orders_are_not_kept_by_who_is_between(client: httpx2.Client) -> None:
    draft = made(client, DRAFT)
    path = f"/orders/{draft['orderId']}"
    # `client` holds each to `no-store`; here are the answers without a body.
    assert client.get(path, headers={"If-None-Match": "*"}).status_code == 304
    assert client.head(path).status_code == 200
    assert client.delete(f"/orders/drafts/{draft['orderId']}").status_code == 204


def test_head_is_get_without_its_body(client: httpx2.Client) -> None:
    place = f"/orders/{made(client, DRAFT)['orderId']}"
    # An event is shown without its position until it has one.
    eventually(lambda: all("sequence" in event for event in client.get(f"{place}/events").json()["events"]))
    for path in (place, f"{place}/events", "/orders?limit=1"):
        whole, head = client.get(path), client.head(path)
        assert (head.status_code, head.content) == (whole.status_code, b"")
        assert {name: value for name, value in head.headers.items() if name != "date"} == {
            name: value for name, value in whole.headers.items() if name != "date"
        }


# Preferences


@pytest.mark.parametrize(
    ("prefer", "status", "applied"),
    [
        (None, 200, None),
        ("respond-async", 202, "respond-async"),
        ("wait=0", 202, "wait=0"),
        ("wait=20", 200, "wait=20"),
        ("wait=99", 200, "wait=30"),
        ("respond-async, wait=20", 200, "respond-async, wait=20"),
        ("wait=-1", 200, None),
        ("return=minimal", 200, None),
    ],
)
def test_the_preference_that_was_followed_is_said(
    client: httpx2.Client, prefer: str | None, status: int, applied: str | None
) -> None:
    headers = {"Prefer": prefer} if prefer else {}
    draft = made(client, DRAFT)["orderId"]
    for answered in (
        client.post(HARDWARE, json=order(), headers=headers),
        client.post(f"/orders/drafts/{draft}", headers=headers),
    ):
        assert (answered.status_code, answered.headers.get("preference-applied")) == (status, applied)
        assert ("location" in answered.headers) == (status == 202)
        assert status == 202 or answered.json()["status"] == "SUBMITTED"


# Idempotency-Key


def test_a_key_whose_request_was_refused_is_as_good_as_new(client: httpx2.Client, system: System) -> None:
    key, body = a_key(), order()
    assert client.post(HARDWARE, json={**body, "unknown": 1}, headers=key).status_code == 400
    assert client.post(HARDWARE, json=body, headers={**key, "saveDraft": "maybe"}).status_code == 400
    assert client.post(HARDWARE, content="{", headers={**key, "Content-Type": "application/json"}).status_code == 400
    assert client.post(HARDWARE, content="{}", headers={**key, "Content-Type": "text/plain"}).status_code == 415
    with system.client(entities=(NO_ORDER,)) as other:
        assert other.post(HARDWARE, json=body, headers=key).status_code == 403
    first = client.post(HARDWARE, json=body, headers=key)
    assert (first.status_code, first.headers.get("idempotent-replayed")) == (200, None)


def test_a_key_is_bound_to_all_that_a_request_means_and_to_nothing_else(client: httpx2.Client) -> None:
    key, body = a_key(), order(notes="first")
    first = made(client, {**key, **DRAFT}, body)
    means = {
        "no draft": ({}, body),
        "a draft no more": ({"saveDraft": "false"}, body),
        "simplified": ({**DRAFT, **SIMPLIFIED}, body),
        "another text": (DRAFT, {**body, "notes": "second"}),
        "another order of members": (DRAFT, dict(reversed(body.items()))),
    }
    for name, (headers, sent) in means.items():
        refused = client.post(HARDWARE, json=sent, headers={**key, **headers})
        assert (refused.status_code, refused.json()["type"]) == (422, "INVALID_REQUEST_ERROR"), name
    for headers in (
        {},
        {"X-Use-Simplified-Order-Flow": "false"},
        {"Prefer": "respond-async"},
        {"Prefer": "wait=1", "Accept": "text/html", "X-Unknown": "1"},
    ):
        again = client.post(HARDWARE, json=body, headers={**key, **DRAFT, **headers})
        assert (again.status_code, again.headers["idempotent-replayed"]) == (200, "true"), headers
        assert again.json()["orderId"] == first["orderId"]


def test_a_repeat_shows_the_order_as_it_stands_whatever_became_of_it(client: httpx2.Client) -> None:
    key, body = a_key(), order(notes="first")
    order_id = made(client, {**key, **DRAFT}, body)["orderId"]

    def repeated() -> Any:
        again = client.post(HARDWARE, json=body, headers={**key, **DRAFT})
        assert (again.status_code, again.headers["idempotent-replayed"]) == (200, "true")
        assert again.json()["orderId"] == order_id
        return again

    replaced = client.put(f"{HARDWARE}/{order_id}", json=order(notes="second"))
    assert (repeated().json(), repeated().headers["etag"]) == (replaced.json(), replaced.headers["etag"])
    client.post(f"/orders/drafts/{order_id}")
    assert repeated().json()["status"] == "SUBMITTED"
    cancelled = client.post(f"/orders/{order_id}/cancel", json={"cancelReasonEnum": "OTHER"})
    assert repeated().json() == cancelled.json()


def test_a_repeat_makes_no_second_order_of_what_was_discarded(client: httpx2.Client) -> None:
    key, body = a_key(), order()
    order_id = made(client, {**key, **DRAFT}, body)["orderId"]
    client.delete(f"/orders/drafts/{order_id}")
    again = client.post(HARDWARE, json=body, headers={**key, **DRAFT})
    assert (again.status_code, again.headers["idempotent-replayed"]) == (200, "true")
    shown = again.json()
    assert (shown["orderId"], shown["status"]) == (order_id, "CANCELLED")
    assert shown["internal"]["extendedDetails"]["status"] == "CANCELED_BYUSER"
    assert client.get(f"/orders/{order_id}").status_code == 404


def test_of_fifty_at_once_with_one_key_one_makes_the_order(client: httpx2.Client) -> None:
    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        for _ in range(20):
            key, body = a_key(), order()
            answers = list(
                pool.map(lambda each: client.post(HARDWARE, json=each[1], headers=each[0]), [(key, body)] * 50)
            )
            assert {answered.status_code for answered in answers} == {200}
            assert len({answered.json()["orderId"] for answered in answers}) == 1
            assert sum("idempotent-replayed" not in answered.headers for answered in answers) == 1


# Conditions, and members that only the service writes


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        ({"If-Match": '"1"'}, 412),
        ({"If-Match": 'W/"2"'}, 412),
        ({"If-Match": '"seven"'}, 412),
        ({"If-Match": '"1", "3"'}, 412),
        ({"If-Match": "2"}, 400),
        ({"If-Match": ""}, 400),
        ({"If-None-Match": "*"}, 400),
        ({"If-None-Match": '"1"'}, 400),
    ],
)
def test_a_change_on_a_condition_that_does_not_hold_changes_nothing(
    client: httpx2.Client, condition: dict[str, str], status: int
) -> None:
    draft = made(client, DRAFT)
    order_id = draft["orderId"]
    for method, path, body in [
        ("PUT", f"{HARDWARE}/{order_id}", order()),
        ("POST", f"/orders/drafts/{order_id}", None),
        ("POST", f"/orders/{order_id}/cancel", {"cancelReasonEnum": "OTHER"}),
        ("DELETE", f"/orders/drafts/{order_id}", None),
    ]:
        refused = client.request(method, path, json=body, headers=condition)
        assert refused.status_code == status, (method, path)
        assert status == 412 or refused.json()["param"] == next(iter(condition))
    kept = client.get(f"/orders/{order_id}")
    assert (kept.json(), kept.headers["etag"]) == (draft, '"2"')


def test_a_fetched_order_goes_back_as_it_is_and_in_no_other_way(client: httpx2.Client) -> None:
    draft = made(client, DRAFT)
    path = f"{HARDWARE}/{draft['orderId']}"
    differing = {
        "orderId": NO_ORDER,
        "status": "SUBMITTED",
        "orderType": "MerchantOrder",
        "createdUserUid": NO_ORDER,
        "createdBy": "Somebody",
        "createdDate": "2026-01-01T00:00:00Z",
        "modifiedUserUid": NO_ORDER,
        "modifiedBy": None,
        "modifiedDate": "2026-01-01T00:00:00Z",
        "customerEntityUid": NO_ORDER,
    }
    assert differing.keys() | {"orderReference", "internal"} == draft.keys()
    for name, value in differing.items():
        refused = client.put(path, json={**draft, name: value})
        assert (refused.status_code, refused.json()["param"]) == (400, name)
    assert client.get(f"/orders/{draft['orderId']}").json() == draft
    back = client.put(path, json={**draft, "internal": {"extendedDetails": {"status": "COMPLETED"}}})
    assert back.status_code == 200
    assert back.json()["internal"]["extendedDetails"]["status"] == "DRAFT"


# Tokens


def _text(part: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


def _part(text: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(text + "=="))


def forged(token: str, public: str) -> Iterator[tuple[str, str]]:
    """Tokens that nobody signed, by how they were made of a good one and the public key."""
    header, payload, signature = token.split(".")
    head = _part(header)
    of_hmac = f"{_text({**head, 'alg': 'HS256'})}.{payload}"
    mac = hmac.digest(base64.urlsafe_b64decode(public + "=="), of_hmac.encode(), "sha256")
    yield "no algorithm", f"{_text({**head, 'alg': 'none'})}.{payload}."
    yield "an algorithm of no name", f"{_text({**head, 'alg': 'None'})}.{payload}.{signature}"
    yield "the public key as a secret", f"{of_hmac}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"
    yield "a key of its own", f"{_text({**head, 'jwk': {'kty': 'OKP', 'x': public}})}.{payload}.{signature}"
    yield "other customers", f"{header}.{_text({**_part(payload), 'entity_id': ['*', 'x']})}.{signature}"
    yield "no signature", f"{header}.{payload}."
    yield "half a signature", f"{header}.{payload}.{signature[:43]}"
    yield "four parts", f"{token}.x"
    yield "longer than any", f"{token}{'A' * 8_192}"


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": 1},
        {"exp": True},
        {"exp": "9999999999"},
        {"exp": float("nan")},
        {"nbf": 9_999_999_999},
        {"iat": 9_999_999_999},
        {"aud": "somebody-else"},
        {"iss": "somebody-else"},
        {"sub": "a\nb"},
        {"sub": None},
        {"sub": "s" * 256},
        {"name": "a\u202eb"},
        {"entity_id": {CUSTOMER: 1}},
        {"entity_id": None},
        {"roles": "orders:read"},
        {"roles": [["orders:read"]]},
    ],
    ids=str,
)
def test_a_signed_token_that_says_nonsense_is_refused(system: System, claims: dict[str, Any]) -> None:
    said = {**_part(system.token().split(".")[1]), **claims}
    key = local_key.load(system.signing_key)
    token = jwt.encode({"alg": "Ed25519", "typ": "at+jwt"}, said, key, algorithms=["Ed25519"])
    assert signed_in(system, token) == (401, 'Bearer error="invalid_token"')


def test_a_token_that_nobody_signed_is_refused(system: System) -> None:
    good = system.token(entities=(CUSTOMER,))
    assert signed_in(system, good) == (200, None)
    for name, token in forged(good, json.loads(system.signing_key.read_text())["x"]):
        assert signed_in(system, token)[0] == 401, name


def signed_in(system: System, token: str) -> tuple[int, str | None]:
    found = exchange(system.url, request("GET", "/orders?limit=1", [("Authorization", f"Bearer {token}")]), "GET")
    return found.status, found.headers.get("www-authenticate")


# Connections


def test_requests_sent_before_their_answers_are_answered_in_order(system: System) -> None:
    headers = [("Authorization", f"Bearer {system.token()}"), JSON]
    bodies = [order() for _ in range(20)]
    with connect(system.url) as connection:
        connection.sendall(b"".join(request("POST", HARDWARE, headers, json.dumps(body).encode()) for body in bodies))
        found = [json.loads(answer(connection).content) for _ in bodies]
    assert [shown["orderReference"] for shown in found] == [body["orderReference"] for body in bodies]
