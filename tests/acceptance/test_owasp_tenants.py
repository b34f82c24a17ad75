"""OWASP API1:2023 (broken object level authorization): two tenants, and every operation that the served document has.

The document drives it: an operation or a parameter that the tables do not know fails, so that none is forgotten.
"""

import json
import re
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

from hardware_orders.roles import Role
from tests.system import ANN, System, eventually, order

BOB = "00000000-0000-4000-8000-00000000000b"
MERCHANT = {"merchantName": "Dock Seven", "primaryContact": {"name": {"firstName": "Ann", "lastName": "Tester"}}}
# The operations about one order: the body that each customer would send.
ABOUT_AN_ORDER: dict[str, Callable[[str], Any]] = {
    "getOrder": lambda _customer: None,
    "listOrderEvents": lambda _customer: None,
    "replaceHardwareOrder": lambda customer: order(customerEntityUid=customer),
    "submitDraft": lambda _customer: None,
    "discardDraft": lambda _customer: None,
    "cancelOrder": lambda _customer: {"cancelReasonEnum": "OTHER"},
    "reportProgress": lambda _customer: {"status": "INPROGRESS"},
    "eraseOrder": lambda _customer: None,
}
OF_ENDED = {"eraseOrder"}
OF_DRAFTS = {"replaceHardwareOrder", "submitDraft", "discardDraft"}
# What may be sent with them besides; each must change nothing about what a stranger sees.
PARAMETERS = {
    "X-Portfolio-Version": "latest",
    "Prefer": "respond-async",
    "If-Match": '"1"',
    "If-None-Match": "*",
    "version": "1",
    "asOf": "2199-01-01T00:00:00Z",
    "after": "1",
    "limit": "1",
}
LISTS = {"searchOrders", "listEvents"}
MAKING = {"addHardwareOrder", "addBatch"}
# Stores nothing; what it looks up is held against a stranger below.
PREVIEW = {"previewHardwareOrder"}
ABOUT_A_BATCH = {"getBatch"}
NDJSON = {"Content-Type": "application/x-ndjson"}
# The same for everybody.
PUBLIC = {"listTransitions"}
# Held against a stranger, each with its body, by test_webhooks.py.
ABOUT_WEBHOOKS = {"addWebhook", "listWebhooks"}
ABOUT_A_WEBHOOK = {
    "getWebhook",
    "changeWebhook",
    "removeWebhook",
    "renewWebhookSecret",
    "testWebhook",
    "replayWebhook",
    "listDeliveries",
    "redeliver",
}


class Tenant:
    """A caller with every role, for one customer that nobody else acts for."""

    def __init__(self, system: System, sub: str) -> None:
        self.sub, self.customer = sub, str(uuid.uuid4())
        self.http = system.client(sub=sub, entities=(self.customer,), roles=tuple(Role))

    def made(self, **headers: str) -> dict[str, Any]:
        answer = self.http.post(
            "/orders/hardware", json=order(customerEntityUid=self.customer, merchant=MERCHANT), headers=headers
        )
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def told(self, order_id: str) -> list[str]:
        events = self.http.get(f"/orders/{order_id}/events").json()["events"]
        return [event["hash"] for event in events]


@pytest.fixture(scope="module")
def ann(system: System) -> Iterator[Tenant]:
    tenant = Tenant(system, ANN)
    yield tenant
    tenant.http.close()


@pytest.fixture(scope="module")
def bob(system: System) -> Iterator[Tenant]:
    tenant = Tenant(system, BOB)
    yield tenant
    tenant.http.close()


@pytest.fixture(scope="module")
def operations(system: System) -> dict[str, tuple[str, str, list[dict[str, Any]]]]:
    """Method, path and parameters of each operation, by its id."""
    paths = httpx2.get(f"{system.url}/openapi.json").json()["paths"]
    return {
        operation["operationId"]: (
            method.upper(),
            path,
            [system.description.resolved(parameter) for parameter in operation.get("parameters", [])],
        )
        for path, methods in paths.items()
        for method, operation in methods.items()
    }


def test_the_matrix_knows_every_operation(operations: dict[str, Any]) -> None:
    about_webhooks = ABOUT_WEBHOOKS | ABOUT_A_WEBHOOK
    assert (
        operations.keys() == ABOUT_AN_ORDER.keys() | ABOUT_A_BATCH | LISTS | MAKING | PREVIEW | PUBLIC | about_webhooks
    )
    with_id = {name for name, (_, path, _) in operations.items() if "{" in path}
    assert with_id == ABOUT_AN_ORDER.keys() | ABOUT_A_BATCH | ABOUT_A_WEBHOOK


@pytest.mark.parametrize("name", ABOUT_AN_ORDER)
def test_somebody_elses_order_is_to_the_byte_one_that_there_is_not(
    ann: Tenant, bob: Tenant, operations: dict[str, Any], name: str
) -> None:
    method, path, parameters = operations[name]
    made = ann.made(saveDraft=str(name in OF_DRAFTS).lower())["orderId"]
    if name in OF_ENDED:
        assert ann.http.post(f"/orders/{made}/cancel", json={"cancelReasonEnum": "OTHER"}).status_code == 200
    before = ann.told(made)

    def asked(by: Tenant, order_id: str, **extra: Any) -> httpx2.Response:
        url, body = path.replace("{orderId}", order_id), ABOUT_AN_ORDER[name](by.customer)
        return by.http.request(method, url, json=body, **extra)

    variants: list[dict[str, Any]] = [{}]
    for parameter in parameters:
        if parameter["in"] != "path":
            kind = {"query": "params", "header": "headers"}[parameter["in"]]
            variants.append({kind: {parameter["name"]: PARAMETERS[parameter["name"]]}})
    for extra in variants:
        nobodys = str(uuid.uuid4())
        foreign, absent = asked(bob, made, **extra), asked(bob, nobodys, **extra)
        assert (foreign.status_code, seen(foreign, made)) == (404, seen(absent, nobodys)), extra
    assert ann.told(made) == before
    # The same request is a good one, of whoever's order it is.
    assert asked(ann, made).status_code in (200, 204)


def test_somebody_elses_batch_is_to_the_byte_one_that_there_is_not(
    ann: Tenant, bob: Tenant, operations: dict[str, Any]
) -> None:
    line = json.dumps(order(customerEntityUid=ann.customer))
    made = ann.http.post(operations["addBatch"][1], content=line, headers=NDJSON).json()["batchId"]
    for name in ABOUT_A_BATCH:
        method, path, parameters = operations[name]
        values = {"cursor": "0", "limit": "1", "outcome": "accepted"}
        assert {parameter["name"] for parameter in parameters if parameter["in"] == "query"} == values.keys()
        for asked in ({}, *({parameter: value} for parameter, value in values.items())):
            for accept in ("application/json", NDJSON["Content-Type"]):
                headers, nobodys = {"Accept": accept}, str(uuid.uuid4())
                foreign, absent = (
                    bob.http.request(method, path.replace("{batchId}", batch_id), params=asked, headers=headers)
                    for batch_id in (made, nobodys)
                )
                assert (foreign.status_code, seen(foreign, made)) == (404, seen(absent, nobodys)), asked
        assert ann.http.request(method, path.replace("{batchId}", made)).json()["accepted"] == 1
    theirs = bob.http.post(operations["addBatch"][1], content=line, headers=NDJSON).json()
    assert (theirs["accepted"], theirs["failed"]) == (0, 1)  # an order for a customer that is not the caller's


def seen(answer: httpx2.Response, order_id: str) -> tuple[list[tuple[str, str]], str]:
    """Headers and body as they came, but for the instant and the id that was asked for."""
    headers = sorted((name, value) for name, value in answer.headers.items() if name != "date")
    return headers, re.sub(r'"timestamp": ?"[^"]+"', "", answer.text.replace(order_id, ""))


def test_a_list_shows_nothing_foreign_whatever_is_asked_of_it(
    ann: Tenant, bob: Tenant, operations: dict[str, Any]
) -> None:
    theirs, _, own = ann.made(), ann.made(), bob.made()
    _, path, parameters = operations["searchOrders"]
    asking = {
        "orderReference": theirs["orderReference"],
        "status": theirs["status"],
        "detailedStatus": theirs["internal"]["extendedDetails"]["status"],
        "orderType": theirs["orderType"],
        "filterDateType": "modifiedDate",
        "userUids": [ANN, BOB],
        "startTime": "2000-01-01T00:00:00Z",
        "endTime": "2199-01-01T00:00:00Z",
        "lastChangeTime": "2199-01-01T00:00:00Z",
        "merchantCompany": MERCHANT["merchantName"],
        "merchantCompanyEntityUid": ann.customer,
        "merchantCompanyEntityUids": [ann.customer],
        "customerEntityUids": [ann.customer, bob.customer],
        "customerEntityUid": ann.customer,
        "pageNumber": "1",
        "pageSize": "100",
        "order": "asc",
        "orderBy": "modifiedDate",
        "cursor": ann.http.get(path, params={"limit": 1}).json()["nextCursor"],
        "limit": "500",
    }
    assert {parameter["name"] for parameter in parameters} == asking.keys()
    bobs = bob.http.get(path, params={"limit": 500}).json()["items"]
    assert own["orderId"] in [item["orderId"] for item in bobs]
    for name, value in asking.items():
        page = bob.http.get(path, params={name: value})
        assert page.status_code == 200, name
        assert {item["customerEntityUid"] for item in page.json()["items"]} <= {bob.customer}, name
        assert page.json().get("totalItems", 0) <= len(bobs), name
        assert ann.customer not in page.text, name
        if not name.startswith("merchantCompanyEntity"):  # which nobody's orders have
            assert ann.http.get(path, params={name: value}).json()["items"], name


def test_the_events_show_nothing_foreign_whatever_is_asked_of_them(
    system: System, ann: Tenant, bob: Tenant, operations: dict[str, Any]
) -> None:
    theirs, own = ann.made()["orderId"], bob.made()["orderId"]
    _, path, parameters = operations["listEvents"]
    asking: dict[str, Any] = {
        "after": "0",
        "limit": "500",
        "type": "order.submitted",
        "customerEntityUid": f"{ann.customer},{bob.customer}",
    }
    assert {parameter["name"] for parameter in parameters if parameter["in"] == "query"} == asking.keys()
    everything = {"Accept": "application/x-ndjson"}
    eventually(lambda: own in bob.http.get(path, headers=everything).text)
    for asked in ({}, *({name: value} for name, value in asking.items())):
        variants = (
            [{"Accept": "application/json"}] if "limit" in asked else [{"Accept": "application/json"}, everything]
        )
        for headers in variants:
            assert theirs not in bob.http.get(path, params=asked, headers=headers).text
    assert theirs in ann.http.get(path, headers=everything).text
    for listener, is_told in ((ann, True), (bob, False)):
        with listener.http.stream("GET", path, params={"after": 0}, headers={"Accept": "text/event-stream"}) as live:
            last = system.stream()[-1][0]
            told = []
            for line in live.iter_lines():
                told.append(line)
                if line.startswith("id: ") and int(line.removeprefix("id: ")) >= last:
                    break
        assert any(theirs in line for line in told) == is_told


def test_nobody_makes_an_order_for_another_or_meets_anothers_key(system: System, ann: Tenant, bob: Tenant) -> None:
    for method, path in [
        ("POST", "/orders/hardware"),
        ("POST", "/orders/hardware/preview"),
        ("PUT", f"/orders/hardware/{bob.made(saveDraft='true')['orderId']}"),
    ]:
        refused = bob.http.request(method, path, json=order(customerEntityUid=ann.customer))
        assert (refused.status_code, refused.json()["param"]) in {
            (403, "customerEntityUid"),
            (400, "customerEntityUid"),
        }
    key = {"Idempotency-Key": str(uuid.uuid4())}
    first, other = ann.made(**key), bob.made(**key)
    assert (other["customerEntityUid"], other["createdUserUid"]) == (bob.customer, BOB)
    assert first["orderId"] != other["orderId"]
    # One person of two customers: the key is the person's, and what it made is still not shown to the other customer.
    body = order(customerEntityUid=ann.customer)
    with (
        system.client(sub=ANN, entities=(ann.customer,)) as here,
        system.client(sub=ANN, entities=(bob.customer,)) as there,
    ):
        made = here.post("/orders/hardware", json=body, headers={"Idempotency-Key": "one-person"})
        refused = there.post("/orders/hardware", json=body, headers={"Idempotency-Key": "one-person"})
    assert (made.status_code, refused.status_code) == (200, 403)
    assert made.json()["orderId"] not in refused.text


def test_what_is_public_is_the_same_for_everybody(ann: Tenant, bob: Tenant, operations: dict[str, Any]) -> None:
    for name in PUBLIC:
        method, path, _ = operations[name]
        assert seen(ann.http.request(method, path), "none") == seen(bob.http.request(method, path), "none")
