"""Searching, reading orders as they stood, and conditional requests: over HTTP, on every backend."""

import concurrent.futures
import uuid
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.system import ANN, System, order

BOB = "00000000-0000-4000-8000-00000000000b"
DRAFT = {"saveDraft": "true"}
OLD, FAR = "2000-01-01T00:00:00Z", "2199-12-31T23:59:59Z"


@pytest.fixture(scope="module")
def customers() -> tuple[str, str]:
    """Two customers that no other test has orders of."""
    return str(uuid.uuid4()), str(uuid.uuid4())


@pytest.fixture(scope="module")
def made(system: System, customers: tuple[str, str]) -> list[dict[str, Any]]:
    """Five orders, oldest first: of the first customer two, one by Bob and one for a merchant, of the second one."""
    first, second = customers
    merchant = {"merchantName": "Corner Café", "primaryContact": {"name": {"firstName": "Ada", "lastName": "Lovelace"}}}
    asked: list[tuple[dict[str, Any], dict[str, str], str]] = [
        (order(customerEntityUid=first), DRAFT, ANN),
        (order(customerEntityUid=first, requestedDate="2030-05-01T00:00:00Z"), {}, ANN),
        (order(customerEntityUid=first), {}, BOB),
        (order(customerEntityUid=first, merchant=merchant), {}, ANN),
        (order(customerEntityUid=second), {}, ANN),
    ]
    answers = []
    for body, headers, user in asked:
        with system.client(sub=user) as client:
            answers.append(client.post("/orders/hardware", json=body, headers=headers))
    assert {answer.status_code for answer in answers} == {200}
    return [answer.json() for answer in answers]


@pytest.fixture
def client(system: System, customers: tuple[str, str]) -> Iterator[httpx2.Client]:
    """A client that may act for both customers."""
    with system.client(entities=customers) as client:
        yield client


def found(client: httpx2.Client, **parameters: Any) -> list[str]:
    answer = client.get("/orders", params=parameters)
    assert answer.status_code == 200, answer.text
    return [item["orderId"] for item in answer.json()["items"]]


def test_every_parameter_finds_what_it_says(
    client: httpx2.Client, made: list[dict[str, Any]], customers: tuple[str, str]
) -> None:
    draft, requested, bobs, named, others = ids = [each["orderId"] for each in made]
    newest_first = ids[::-1]
    cases: list[tuple[dict[str, Any], list[str]]] = [
        ({}, newest_first),
        ({"orderReference": made[2]["orderReference"]}, [bobs]),
        ({"orderReference": made[2]["orderReference"][:-1]}, []),
        ({"status": "DRAFT"}, [draft]),
        ({"status": "COMPLETED"}, []),
        ({"detailedStatus": "SUBMITTED"}, [others, named, bobs, requested]),
        ({"orderType": "HardwareOrder"}, newest_first),
        ({"orderType": "MerchantOrder"}, []),
        ({"userUids": BOB}, [bobs]),
        ({"userUids": f"{BOB},{ANN}"}, newest_first),
        ({"userUids": [BOB, ANN]}, newest_first),
        ({"startTime": made[3]["createdDate"]}, [others, named]),
        ({"endTime": made[1]["createdDate"]}, [requested, draft]),
        ({"startTime": OLD, "endTime": FAR, "filterDateType": "createdDate"}, newest_first),
        ({"startTime": made[4]["modifiedDate"], "filterDateType": "modifiedDate"}, [others]),
        ({"startTime": "2030-05-01T00:00:00Z", "filterDateType": "requestedDate"}, [requested]),
        ({"lastChangeTime": made[1]["internal"]["extendedDetails"]["lastChangeTime"]}, [draft]),
        ({"merchantCompany": "Corner Café"}, [named]),
        ({"merchantCompany": "corner café"}, []),
        ({"merchantCompanyEntityUid": str(uuid.uuid4())}, []),
        ({"merchantCompanyEntityUids": str(uuid.uuid4())}, []),
        ({"customerEntityUid": customers[1]}, [others]),
        ({"customerEntityUids": ",".join(customers)}, newest_first),
        ({"customerEntityUids": customers[0], "customerEntityUid": customers[1]}, []),
        ({"customerEntityUid": str(uuid.uuid4())}, []),
        ({"order": "asc"}, ids),
        ({"order": "ASC"}, ids),
        ({"orderBy": "createdDate", "order": "desc"}, newest_first),
        ({"orderBy": "modifiedDate", "order": "asc"}, ids),
        ({"pageSize": 2}, newest_first[:2]),
        ({"pageSize": 2, "pageNumber": 3}, newest_first[4:]),
        ({"pageSize": 2, "pageNumber": 4}, []),
        ({"limit": 3}, newest_first[:3]),
    ]
    for parameters, expected in cases:
        assert found(client, **parameters) == expected, parameters


def test_pages_have_totals_and_a_cursor_to_go_on_with(client: httpx2.Client, made: list[dict[str, Any]]) -> None:
    page = client.get("/orders", params={"pageSize": 2, "order": "asc"}).json()
    assert {name: page[name] for name in page.keys() - {"items", "nextCursor"}} == {
        "pageNumber": 1,
        "pageSize": 2,
        "totalPages": 3,
        "totalItems": 5,
    }
    assert [item.items() >= _steady(each).items() for item, each in zip(page["items"], made, strict=False)] == [
        True
    ] * 2
    rest, asked = list(page["items"]), page["nextCursor"]
    while asked:
        following = client.get("/orders", params={"cursor": asked, "limit": 2, "order": "asc"}).json()
        assert following.keys() == {"items", "nextCursor"}
        rest += following["items"]
        asked = following["nextCursor"]
    assert [item["orderId"] for item in rest] == [each["orderId"] for each in made]
    last = client.get("/orders", params={"pageSize": 2, "pageNumber": 3, "order": "asc"}).json()
    assert (last["nextCursor"], last["totalItems"]) == (None, 5)


def _steady(shown: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in shown.items() if name != "internal"}


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("status=RECIEVED", "status"),
        ("status=DRAFT&status=DRAFT", "status"),
        ("detailedStatus=", "detailedStatus"),
        ("orderType=Order", "orderType"),
        ("orderReference=%00", "orderReference"),
        ("filterDateType=createdBy", "filterDateType"),
        ("userUids=ann", "userUids"),
        ("startTime=2026-01-01", "startTime"),
        ("startTime=2026-01-02T00:00:00Z&endTime=2026-01-01T00:00:00Z", "endTime"),
        ("lastChangeTime=1990-01-01T00:00:00Z", "lastChangeTime"),
        ("merchantCompany=%20", "merchantCompany"),
        ("merchantCompanyEntityUid=x", "merchantCompanyEntityUid"),
        ("customerEntityUids=" + ",".join([ANN] * 101), "customerEntityUids"),
        ("customerEntityUid=" + ANN.upper(), "customerEntityUid"),
        ("pageNumber=0", "pageNumber"),
        ("pageNumber=101&pageSize=100", "pageNumber"),
        ("pageSize=101", "pageSize"),
        ("order=up", "order"),
        ("orderBy=status", "orderBy"),
        ("limit=501", "limit"),
        ("limit=5&pageNumber=1", "pageNumber"),
        ("cursor=x&pageSize=1", "pageSize"),
        ("cursor=" + "A" * 43, "cursor"),
        ("cursor=", "cursor"),
        ("sort=asc", "sort"),
        ("order", None),
    ],
)
def test_what_is_no_search_is_refused_by_its_parameter(client: httpx2.Client, query: str, param: str | None) -> None:
    refused = client.get(f"/orders?{query}")
    assert (refused.status_code, refused.json().get("param")) == (400, param)


def test_a_cursor_goes_with_its_own_filters_and_opens_nothing(system: System, client: httpx2.Client, made: Any) -> None:
    cursor = client.get("/orders", params={"limit": 1}).json()["nextCursor"]
    refused = client.get("/orders", params={"cursor": cursor, "status": "DRAFT"})
    assert (refused.status_code, refused.json()["param"]) == (400, "cursor")
    with system.client(entities=(str(uuid.uuid4()),)) as stranger:
        assert stranger.get("/orders", params={"cursor": cursor}).json() == {"items": [], "nextCursor": None}
        nothing = stranger.get("/orders", params={"orderReference": made[0]["orderReference"]}).json()
        assert (nothing["items"], nothing["totalItems"], nothing["totalPages"]) == ([], 0, 0)
        assert stranger.get("/orders", params={"customerEntityUid": made[0]["customerEntityUid"]}).json()["items"] == []


def test_a_search_needs_a_role_for_orders(system: System) -> None:
    with system.client(roles=("events:read",)) as client:
        assert client.get("/orders").status_code == 403
        del client.headers["Authorization"]
        assert client.get("/orders").status_code == 401


def test_an_order_is_read_as_it_stood(system: System) -> None:
    with system.client() as client:
        answer = client.post("/orders/hardware", json=order(notes="first"), headers=DRAFT)
        draft, path = answer.json(), f"/orders/{answer.json()['orderId']}"
        second = client.put(f"/orders/hardware/{draft['orderId']}", json={**_body(draft), "notes": "second"}).json()
        del draft["internal"]["orderStats"], second["internal"]["orderStats"]
        stood: list[tuple[dict[str, Any], dict[str, Any], str]] = [
            ({"version": 2}, draft, '"2"'),
            ({"version": 3}, second, '"3"'),
            ({"asOf": draft["modifiedDate"]}, draft, '"2"'),
            ({"asOf": FAR}, second, '"3"'),
        ]
        for parameters, shown, tag in stood:
            then = client.get(path, params=parameters)
            assert (then.status_code, then.json(), then.headers["etag"]) == (200, shown, tag)
            known = client.get(path, params=parameters, headers={"If-None-Match": tag})
            assert (known.status_code, known.content) == (304, b"")
        assert client.get(path, params={"version": 1}).json()["status"] == "RECEIVED"
        wrong: list[tuple[dict[str, Any], int, str | None]] = [
            ({"version": 4}, 404, None),
            ({"asOf": OLD}, 404, None),
            ({"version": 0}, 400, "version"),
            ({"version": "x"}, 400, "version"),
            ({"asOf": "yesterday"}, 400, "asOf"),
            ({"version": 1, "asOf": FAR}, 400, "asOf"),
            ({"versions": 1}, 400, "versions"),
        ]
        for parameters, status, param in wrong:
            refused = client.get(path, params=parameters)
            assert (refused.status_code, refused.json().get("param")) == (status, param), parameters
    with system.client(entities=(str(uuid.uuid4()),)) as stranger:
        seen = []
        for path in (f"/orders/{draft['orderId']}", f"/orders/{uuid.UUID(int=11)}"):
            answer = stranger.get(path, params={"version": 2})
            assert answer.status_code == 404
            seen.append({name: value for name, value in answer.json().items() if name not in ("timestamp", "instance")})
        assert seen[0] == seen[1]


def _body(shown: dict[str, Any]) -> dict[str, Any]:
    return {name: shown[name] for name in ("orderReference", "customerEntityUid")}


def test_every_answer_that_shows_an_order_has_its_tag(system: System) -> None:
    with system.client() as client:
        made = client.post("/orders/hardware", json=order(), headers={**DRAFT, "Prefer": "wait=30"})
        order_id, draft = made.json()["orderId"], made.json()
        assert made.headers["etag"] == '"2"'
        assert client.get(f"/orders/{order_id}").headers["etag"] == '"2"'
        for tags in ('"2"', 'W/"2"', '"1", "2"', "*"):
            known = client.get(f"/orders/{order_id}", headers={"If-None-Match": tags})
            assert (known.status_code, known.content, known.headers["etag"]) == (304, b"", '"2"')
        assert client.get(f"/orders/{order_id}", headers={"If-None-Match": '"1"'}).status_code == 200
        replaced = client.put(f"/orders/hardware/{order_id}", json=_body(draft))
        submitted = client.post(f"/orders/drafts/{order_id}", headers={"Prefer": "wait=30"})
        cancelled = client.post(f"/orders/{order_id}/cancel", json={"cancelReasonEnum": "OTHER"})
        assert [each.headers["etag"] for each in (replaced, submitted, cancelled)] == ['"3"', '"4"', '"5"']
        later = client.post("/orders/hardware", json=order(), headers={"Prefer": "respond-async"})
        assert (later.status_code, later.headers["etag"]) == (202, '"1"')


def test_what_was_changed_meanwhile_is_not_changed_again_unseen(system: System) -> None:
    with system.client() as client:
        draft = client.post("/orders/hardware", json=order(), headers=DRAFT).json()
        order_id = draft["orderId"]
        reason = {"cancelReasonEnum": "OTHER"}
        acts = [
            ("PUT", f"/orders/hardware/{order_id}", _body(draft)),
            ("POST", f"/orders/drafts/{order_id}", None),
            ("POST", f"/orders/{order_id}/cancel", reason),
        ]
        for method, path, body in acts:
            for tag, status in [('"1"', 412), ('W/"2"', 412), ('"1", "3"', 412), ("2", 400), ("", 400)]:
                refused = client.request(method, path, json=body, headers={"If-Match": tag})
                assert (refused.status_code, refused.json()["code"]) == (status, str(status)), (path, tag)
        assert client.get(f"/orders/{order_id}").headers["etag"] == '"2"'
        for number, (method, path, body) in enumerate(acts):
            done = client.request(method, path, json=body, headers={"If-Match": f'"9", "{number + 2}"'})
            assert done.status_code == 200, (path, done.text)
        # What the status forbids is told first: reading the order again would not help.
        assert client.put(acts[0][1], json=_body(draft), headers={"If-Match": '"2"'}).status_code == 409
        missing = client.put(f"/orders/hardware/{uuid.uuid4()}", json=_body(draft), headers={"If-Match": "*"})
        assert missing.status_code == 404


def test_of_changes_that_race_for_one_version_one_is_made(system: System) -> None:
    with system.client() as client, concurrent.futures.ThreadPoolExecutor(8) as pool:
        draft = client.post("/orders/hardware", json=order(), headers=DRAFT).json()
        for version in range(2, 7):

            def put(racer: int, version: int = version) -> int:
                body = {**_body(draft), "notes": f"{version} {racer}"}
                path = f"/orders/hardware/{draft['orderId']}"
                return client.put(path, json=body, headers={"If-Match": f'"{version}"'}).status_code

            assert sorted(pool.map(put, range(8))) == [200] + [412] * 7
        assert client.get(f"/orders/{draft['orderId']}").headers["etag"] == '"7"'
