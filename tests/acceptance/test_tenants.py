"""Two tenants on one running system: for whoever may not act for a customer, its orders are not there, to the byte."""

import itertools
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from sqlalchemy import func, select

from hardware_orders.roles import Role
from hardware_orders.tables import idempotency_keys, order_events, orders
from tests.system import CUSTOMER, System, order

DRAFT = {"saveDraft": "true"}
EVERY_ROLE = tuple(role.value for role in Role)
OWNER: dict[str, Any] = {"entities": (CUSTOMER,), "roles": EVERY_ROLE}
NEIGHBOUR = str(uuid.UUID(int=9))
STRANGER: dict[str, Any] = {"entities": (NEIGHBOUR,), "sub": str(uuid.UUID(int=0xB)), "roles": EVERY_ROLE}
NOBODY: dict[str, Any] = {"entities": (), "sub": str(uuid.UUID(int=0xC)), "roles": EVERY_ROLE}
NO_ORDER = str(uuid.UUID(int=11))

CHANGES = [
    ("put", "/orders/hardware/{orderId}", order()),
    ("put", "/orders/hardware/{orderId}", order(customerEntityUid=NEIGHBOUR)),
    ("put", "/orders/hardware/{orderId}", {**order(), "orderId": NO_ORDER, "status": "DRAFT", "createdBy": "Ann"}),
    ("put", "/orders/hardware/{orderId}", {"unknown": 1}),
    ("post", "/orders/drafts/{orderId}", None),
    ("delete", "/orders/drafts/{orderId}", None),
    ("post", "/orders/{orderId}/cancel", {"cancelReasonEnum": "OTHER"}),
    ("post", "/orders/{orderId}/status", {"status": "INPROGRESS"}),
    ("post", "/orders/{orderId}/erasure", None),
]
READS = [
    (method, path, None)
    for path in (
        "/orders/{orderId}",
        "/orders/{orderId}?version=1",
        "/orders/{orderId}?asOf=2199-01-01T00:00:00Z",
        "/orders/{orderId}/events",
        "/orders/{orderId}/events?after=1&limit=1",
    )
    for method in ("get", "head")
]


@dataclass(frozen=True)
class Theirs:
    """The owner's orders, by what has become of them, and a cursor behind the newest."""

    by_fate: dict[str, str]
    reference: str
    cursor: str


def made(client: httpx2.Client, headers: dict[str, str] | None = None, **members: Any) -> str:
    answer = client.post("/orders/hardware", json=order(**members), headers=headers)
    assert answer.status_code == 200
    return str(answer.json()["orderId"])


@pytest.fixture(scope="module")
def theirs(system: System) -> Theirs:
    reference = f"tenant-{uuid.uuid4()}"
    with system.client(**OWNER) as client:
        by_fate = {
            "draft": made(client, DRAFT),
            "submitted": made(client, orderReference=reference),
            "cancelled": made(client),
            "discarded": made(client, DRAFT),
        }
        client.post(f"/orders/{by_fate['cancelled']}/cancel", json={"cancelReasonEnum": "OTHER"})
        client.delete(f"/orders/drafts/{by_fate['discarded']}")
        cursor = client.get("/orders?limit=1").json()["nextCursor"]
    return Theirs(by_fate, reference, cursor)


@pytest.fixture(scope="module")
def strangers(system: System) -> Iterator[list[httpx2.Client]]:
    with system.client(**STRANGER) as stranger, system.client(**NOBODY) as nobody:
        yield [stranger, nobody]


@pytest.fixture(scope="module", autouse=True)
def nothing_of_theirs_changes(system: System, theirs: Theirs) -> Iterator[None]:
    before = versions(system, theirs)
    yield
    assert versions(system, theirs) == before


def versions(system: System, theirs: Theirs) -> list[Any]:
    with system.database.read() as connection:
        query = select(orders.c.order_id, orders.c.version, orders.c.last_hash)
        of_theirs = query.where(orders.c.order_id.in_(theirs.by_fate.values())).order_by(orders.c.order_id)
        return list(connection.execute(of_theirs))


def rows(system: System) -> list[int]:
    with system.database.read() as connection:
        return [
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (orders, order_events, idempotency_keys)
        ]


Wire = tuple[int, list[tuple[str, str]], str]


def wire(answer: httpx2.Response, order_id: str) -> Wire:
    """All of the answer but its date, its timestamp, and the id that it was asked for."""
    said = [(name, value) for name, value in answer.headers.multi_items() if name != "date"]
    content = re.sub(r'"timestamp": "[^"]+"', '"timestamp": ""', answer.text.replace(order_id, ""))
    return answer.status_code, said, content


@pytest.mark.parametrize("asked", [*READS, *CHANGES], ids=str)
def test_somebody_elses_order_is_as_one_that_never_was(
    strangers: list[httpx2.Client], theirs: Theirs, asked: tuple[str, str, Any]
) -> None:
    method, path, body = asked
    for client, conditions in itertools.product(strangers, [{}, {"If-Match": '"1"'}, {"If-None-Match": '"2"'}]):

        def ask(order_id: str, client: httpx2.Client = client, headers: dict[str, str] = conditions) -> Wire:
            url = path.replace("{orderId}", order_id)
            return wire(client.request(method, url, json=body, headers=headers), order_id)

        absent = ask(NO_ORDER)
        assert absent[0] == (400 if asked in CHANGES and "If-None-Match" in conditions else 404)
        assert [ask(order_id) for order_id in theirs.by_fate.values()] == [absent] * len(theirs.by_fate)


def test_every_operation_on_one_order_is_among_them(system: System) -> None:
    described = {
        (method, path)
        for path, methods in httpx2.get(f"{system.url}/openapi.json").json()["paths"].items()
        for method in methods
        if "{orderId}" in path
    }
    assert described == {(method, path.partition("?")[0]) for method, path, _ in [*READS, *CHANGES] if method != "head"}


def test_no_search_finds_them_or_counts_them(strangers: list[httpx2.Client], theirs: Theirs) -> None:
    for client in strangers:
        for query in (
            {},
            {"customerEntityUid": CUSTOMER},
            {"customerEntityUids": f"{CUSTOMER},{NEIGHBOUR}"},
            {"orderReference": theirs.reference},
            {"userUids": "00000000-0000-4000-8000-00000000000a"},
            {"status": "DRAFT", "order": "asc"},
        ):
            page = client.get("/orders", params=query)
            assert page.status_code == 200
            numbers = {"pageNumber": 1, "pageSize": 50, "totalPages": 0, "totalItems": 0}
            assert page.json() == {"items": [], "nextCursor": None, **numbers}
        walked = client.get("/orders", params={"limit": 500, "cursor": theirs.cursor})
    assert (walked.status_code, walked.json()) == (200, {"items": [], "nextCursor": None})


def test_a_cursor_of_the_owners_leads_a_stranger_past_its_own_orders_only(system: System, theirs: Theirs) -> None:
    own = {**STRANGER, "entities": (other := str(uuid.uuid4()),)}
    with system.client(**own) as client:
        mine = made(client, customerEntityUid=other)
        page = client.get("/orders", params={"cursor": theirs.cursor}).json()
        assert page == {"items": [], "nextCursor": None}  # mine is newer than the place
        assert [found["orderId"] for found in client.get("/orders").json()["items"]] == [mine]


def test_who_acts_for_both_finds_both(system: System, theirs: Theirs) -> None:
    with system.client(**{**OWNER, "entities": (CUSTOMER, NEIGHBOUR)}) as client:
        mine = made(client, customerEntityUid=NEIGHBOUR)
        assert client.get(f"/orders/{mine}").status_code == 200
        assert client.get(f"/orders/{theirs.by_fate['submitted']}").status_code == 200
        moved = client.put(
            f"/orders/hardware/{theirs.by_fate['draft']}", json=order(customerEntityUid=NEIGHBOUR), headers=DRAFT
        )
        assert (moved.status_code, moved.json()["param"]) == (400, "customerEntityUid")
    with system.client(**STRANGER) as client:
        client.post(f"/orders/{mine}/cancel", json={"cancelReasonEnum": "OTHER"})


@pytest.mark.parametrize("headers", [{}, DRAFT, {"X-Use-Simplified-Order-Flow": "true"}, {"Prefer": "respond-async"}])
def test_no_order_is_made_for_a_customer_of_others(system: System, headers: dict[str, str]) -> None:
    before = rows(system)
    key = {"Idempotency-Key": str(uuid.uuid4())}
    for identity in (STRANGER, NOBODY):
        with system.client(**identity) as client:
            refused = client.post("/orders/hardware", json=order(), headers={**headers, **key})
            assert (refused.status_code, refused.json()["param"]) == (403, "customerEntityUid")
    assert rows(system) == before


def test_a_key_of_somebody_else_is_another_key_and_tells_nothing(system: System) -> None:
    key, both = {"Idempotency-Key": str(uuid.uuid4())}, (CUSTOMER, NEIGHBOUR)
    body = order()
    with (
        system.client(**{**OWNER, "entities": both}) as owner,
        system.client(**{**STRANGER, "entities": both}) as other,
    ):
        first = owner.post("/orders/hardware", json=body, headers=key)
        # To the letter the owner's request; then one that would be 422 to the owner.
        for sent in (body, order()):
            key_of_both = key if sent is body else {"Idempotency-Key": f"{key['Idempotency-Key']}-2"}
            owner.post("/orders/hardware", json=body, headers=key_of_both)
            made_anew = other.post("/orders/hardware", json=sent, headers=key_of_both)
            assert (made_anew.status_code, made_anew.headers.get("idempotent-replayed")) == (200, None)
            assert made_anew.json()["orderId"] != first.json()["orderId"]
        again = owner.post("/orders/hardware", json=body, headers=key)
    assert (again.json()["orderId"], again.headers["idempotent-replayed"]) == (first.json()["orderId"], "true")


def test_a_caller_that_no_longer_acts_for_the_customer_gets_nothing_by_its_key(system: System) -> None:
    key, body = {"Idempotency-Key": str(uuid.uuid4())}, order()
    with system.client(**OWNER) as client:
        assert client.post("/orders/hardware", json=body, headers=key).status_code == 200
    with system.client(**{**OWNER, "entities": (NEIGHBOUR,)}) as client:
        assert client.post("/orders/hardware", json=body, headers=key).status_code == 403
