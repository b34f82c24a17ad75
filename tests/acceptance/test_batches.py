"""Batches on a whole running system: every line is dealt with once, however the upload goes."""

import csv
import json
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import func, select

from hardware_orders.api.batch_upload import PART_LINES
from hardware_orders.tables import batch_items, batches, operations, orders
from tests.system import System, eventually, order

BATCH = "/orders/hardware/batch"
NDJSON = {"Content-Type": "application/x-ndjson"}
OTHERS = "00000000-0000-4000-8000-0000000000ff"


def lines(bodies: Iterable[Any]) -> bytes:
    return b"".join(json.dumps(body).encode() + b"\n" for body in bodies)


def send(client: httpx2.Client, content: bytes | Iterator[bytes], key: str | None = None) -> httpx2.Response:
    return client.post(BATCH, content=content, headers=NDJSON | ({"Idempotency-Key": key} if key else {}))


def settled(client: httpx2.Client, batch_id: str) -> dict[str, Any]:
    def look() -> dict[str, Any]:
        shown: dict[str, Any] = client.get(f"{BATCH}/{batch_id}").json()
        return shown if shown["status"] == "SETTLED" else {}

    return eventually(look)


def counted(system: System, references: set[str]) -> int:
    with system.database.read() as connection:
        query = select(func.count()).select_from(orders).where(orders.c.order_reference.in_(references))
        return int(connection.execute(query).scalar_one())


def test_each_line_has_its_own_way_and_its_own_failure(system: System) -> None:
    good, draft, simplified, keyed = order(), order(), order(), order()
    simplified["customerEntityUid"] = "c0a8f3de-51b2-4e0f-8a6d-7b1e94d2f101"  # of the sample portfolios
    key = str(uuid.uuid4())
    content = b"\r\n".join(
        [
            json.dumps(good).encode(),
            json.dumps({**draft, "saveDraft": True}).encode(),
            b"",
            json.dumps({**simplified, "simplified": True}).encode(),
            b"{not json",
            json.dumps({**order(), "colour": "red"}).encode(),
            json.dumps({**keyed, "idempotencyKey": key}).encode(),
            json.dumps({**keyed, "idempotencyKey": key}).encode(),
            json.dumps({**order(), "idempotencyKey": key}).encode(),
            json.dumps({**order(), "saveDraft": "yes"}).encode(),
            b"\xff",
            b"[]",
        ]
    )
    with system.client() as client:
        answer = send(client, content)
        assert (answer.status_code, answer.json()["accepted"], answer.json()["failed"]) == (202, 5, 6)
        assert answer.headers["location"] == f"{BATCH}/{answer.json()['batchId']}"
        shown = settled(client, answer.json()["batchId"])
        found = client.get(f"/orders/{shown['items'][2]['orderId']}").json()
    assert found["internal"]["derivedFields"]
    assert [(item["index"], item["status"]) for item in shown["items"][:3]] == [
        (0, "SUBMITTED"),
        (1, "DRAFT"),
        (3, "SUBMITTED"),
    ]
    assert [item["orderReference"] for item in shown["items"][:2]] == [good["orderReference"], draft["orderReference"]]
    failures = {item["index"]: item["error"] for item in shown["items"] if item["status"] == "FAILED"}
    told = [(error["line"], error["param"], error["code"]) for error in failures.values()]
    assert told == [
        (5, "", "not_json"),
        (6, "colour", "unknown_field"),
        (9, "idempotencyKey", "key_reused"),
        (10, "saveDraft", "not_boolean"),
        (11, "", "not_utf8"),
        (12, "", "wrong_type"),
    ]
    assert shown["items"][5]["orderId"] == shown["items"][6]["orderId"]  # the same line under the same key


def test_sent_again_nothing_is_doubled_and_the_answer_says_where_it_went_on(system: System) -> None:
    bodies = [order() for _ in range(2 * PART_LINES + 30)]
    references = {body["orderReference"] for body in bodies}
    key = str(uuid.uuid4())
    content = lines([*bodies[:50], {"orderReference": "no customer"}, *bodies[50:]])
    until = content.index(b"\n", len(content) // 2) + 20  # in the midst of a line
    with system.client() as client:
        host, port = system.url.removeprefix("http://").split(":")
        head = [f"POST {BATCH} HTTP/1.1", f"Host: {host}", f"Authorization: Bearer {system.token()}"]
        head += [f"Idempotency-Key: {key}", "Content-Type: application/x-ndjson", f"Content-Length: {len(content)}"]
        with socket.create_connection((host, int(port))) as broken:
            broken.sendall("\r\n".join(head).encode() + b"\r\n\r\n" + content[:until])
            # Its lines are orders while the upload still runs, and can be looked up by whoever has the key.
            before = content[:until].count(b"\n") - 1
            eventually(lambda: counted(system, references) == before)
        again = send(client, content, key)
        assert (again.status_code, again.json()["resumedFrom"]) == (202, before + 1)
        assert (again.json()["accepted"], again.json()["failed"]) == (len(bodies), 1)
        assert counted(system, references) == len(bodies)
        shown = settled(client, again.json()["batchId"])
        assert shown["settled"] == len(bodies)

        third = send(client, content, key).json()
        assert (third["batchId"], third["resumedFrom"]) == (shown["batchId"], None)
        assert send(client, content.replace(b"no customer", b"no-customer"), key).status_code == 422
        assert send(client, content + lines([order()]), key).status_code == 422
    assert counted(system, references) == len(bodies)

    def told() -> bool:
        with system.database.read() as connection:
            query = select(batches.c.settled_at).where(batches.c.batch_id == shown["batchId"])
            return connection.execute(query).scalar_one() is not None

    eventually(told)
    assert system.log.read_text().count(shown["batchId"]) == 1


def test_items_by_pages_by_outcome_and_as_ndjson(system: System) -> None:
    bodies: list[dict[str, Any]] = [order() if number % 3 else {} for number in range(30)]
    with system.client() as client:
        batch_id = send(client, lines(bodies)).json()["batchId"]
        settled(client, batch_id)
        found, cursor = [], None
        while True:
            asked: dict[str, Any] = {"limit": 7, "outcome": "failed"} | ({"cursor": cursor} if cursor else {})
            page = client.get(f"{BATCH}/{batch_id}", params=asked).json()
            found += [item["index"] for item in page["items"]]
            cursor = page["nextCursor"]
            if cursor is None:
                break
        assert found == list(range(0, 30, 3))
        accepted = client.get(f"{BATCH}/{batch_id}", params={"outcome": "settled"}).json()
        assert (len(accepted["items"]), accepted["accepted"], accepted["failed"]) == (20, 20, 10)
        download = client.get(f"{BATCH}/{batch_id}", headers={"Accept": "application/x-ndjson"})
        assert download.headers["content-type"].startswith("application/x-ndjson")
        items = [json.loads(line) for line in download.text.splitlines()]
        assert [item["index"] for item in items] == list(range(30))
        schema = {"$ref": "#/components/schemas/BatchItem"}
        assert not [fault for item in items for fault in system.description.faults(schema, item)]
        assert client.get(f"{BATCH}/{batch_id}", params={"outcome": "good"}).json()["param"] == "outcome"
        assert client.get(f"{BATCH}/x").json()["param"] == "batchId"


def test_a_batch_is_its_callers_alone_and_holds_only_its_customers(system: System) -> None:
    mine = order()
    theirs = {**order(), "customerEntityUid": str(uuid.uuid4())}
    ours: dict[str, Any] = {"sub": OTHERS, "entities": (mine["customerEntityUid"],)}
    key = str(uuid.uuid4())
    with system.client(**ours) as limited, system.client() as other:
        made = send(limited, lines([mine, theirs]), key).json()
        assert (made["accepted"], made["failed"]) == (1, 1)
        shown = settled(limited, made["batchId"])
        assert (shown["items"][1]["error"]["param"], shown["items"][1]["error"]["code"]) == (
            "customerEntityUid",
            "forbidden",
        )
        for absent in (other.get(f"{BATCH}/{made['batchId']}"), other.get(f"{BATCH}/{uuid.uuid4()}")):
            assert (absent.status_code, absent.json()["detail"]) == (404, "There is no batch of this id.")
        assert send(other, lines([mine]), key).json()["batchId"] != made["batchId"]
    with system.client(sub=OTHERS, entities=(str(uuid.uuid4()),)) as narrowed:
        shown = narrowed.get(f"{BATCH}/{made['batchId']}").json()
        assert (shown["accepted"], [item["index"] for item in shown["items"]]) == (0, [1])


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "application/json"}, 415),
        ({**NDJSON, "Idempotency-Key": "two words"}, 400),
        ({**NDJSON, "saveDraft": "yes"}, 400),
    ],
)
def test_what_is_no_batch_leaves_nothing(system: System, headers: dict[str, str], status: int) -> None:
    def stored() -> int:
        with system.database.read() as connection:
            return int(connection.execute(select(func.count()).select_from(batches)).scalar_one())

    before = stored()
    with system.client() as client:
        assert client.post(BATCH, content=lines([order()]), headers=headers).status_code == status
    assert stored() == before


@pytest.mark.parametrize("content", [b"", b"\r\n \n\n"])
def test_a_body_without_an_order_is_refused_and_begins_no_batch(system: System, content: bytes) -> None:
    key = str(uuid.uuid4())
    with system.client() as client:
        answer = send(client, content, key)
        assert (answer.status_code, answer.json()["detail"]) == (400, "The body holds no order; send one a line.")
    with system.database.read() as connection:
        assert not connection.execute(select(batches).where(batches.c.key == key)).all()


def test_a_discarded_order_is_in_its_batch_no_more_than_its_id(system: System) -> None:
    with system.client() as client:
        made = send(client, lines([{**order(), "saveDraft": True}])).json()
        (item,) = settled(client, made["batchId"])["items"]
        assert client.delete(f"/orders/drafts/{item['orderId']}").status_code == 204
        shown = client.get(f"{BATCH}/{made['batchId']}").json()
    assert shown["items"] == [{**item, "orderReference": None, "status": "CANCELLED"}]
    assert (shown["accepted"], shown["settled"], shown["failed"]) == (1, 1, 0)


def test_the_operations_log_tells_once_that_the_whole_batch_has_settled(system: System) -> None:
    with system.client() as client:
        batch_id = send(client, lines([order(), order(), {}])).json()["batchId"]
        eventually(lambda: client.get(f"{BATCH}/{batch_id}").json()["settledAt"])
        (failed,) = client.get(f"{BATCH}/{batch_id}", params={"outcome": "failed"}).json()["items"]
    with system.database.read() as connection:
        rows = connection.execute(select(operations).where(operations.c.subject == batch_id)).all()
    assert [(row.action, json.loads(row.details)) for row in rows] == [("batch.settled", {"accepted": 2, "failed": 1})]
    assert failed["error"]["line"] == 3


def test_a_line_of_many_uploads_at_once_is_one_order(system: System) -> None:
    bodies = [order() for _ in range(300)]
    key = str(uuid.uuid4())
    with system.client() as client, ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: send(client, lines(bodies), key), range(4)))
    assert [answer.status_code for answer in answers] == [202] * 4
    assert len({answer.json()["batchId"] for answer in answers}) == 1
    assert counted(system, {body["orderReference"] for body in bodies}) == 300
    with system.database.read() as connection:
        of_batch = batch_items.c.batch_id == answers[0].json()["batchId"]
        assert len(connection.execute(select(batch_items).where(of_batch)).all()) == 300


def submitted(system: System, file: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**system.environment, "HARDWARE_ORDERS_URL": system.url, "HARDWARE_ORDERS_TOKEN": system.token()}
    command = [sys.executable, "-m", "hardware_orders", "submit", str(file), *words]
    return subprocess.run(
        command, env=environment, cwd=file.parent, capture_output=True, text=True, check=False, timeout=60
    )


def test_the_command_sends_a_file_tells_what_failed_and_makes_no_second_order(system: System, tmp_path: Path) -> None:
    bodies = [order(notes="née"), order()]
    file = tmp_path / "orders.csv"
    rows = [["orderReference", "customerEntityUid", "notes", "saveDraft", "merchant.pois[0].devicePackage.quantity"]]
    rows += [[body["orderReference"], body["customerEntityUid"], body.get("notes", ""), "true", ""] for body in bodies]
    rows += [["bad", "not a uuid", "", "", "two"]]
    with file.open("w", newline="", encoding="utf-8") as opened:
        csv.writer(opened).writerows(rows)
    first = submitted(system, file)
    assert (first.returncode, "2 accepted, 2 settled, 1 failed" in first.stdout) == (1, True), first
    assert "customerEntityUid" in first.stdout
    again = submitted(system, file, "--json")
    told = json.loads(again.stdout)
    assert (again.returncode, told["accepted"], told["failed"]) == (1, 2, 1)
    assert told["failures"][0]["error"]["line"] == 3
    assert counted(system, {body["orderReference"] for body in bodies}) == 2
    good = tmp_path / "orders.ndjson"
    good.write_bytes(lines([order()]))
    assert submitted(system, good).returncode == 0
    assert submitted(system, good).stdout.startswith("Nothing was new: every line had been sent before.\n")
