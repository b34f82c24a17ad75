"""The client's operations on many orders and after the intake, against a whole running system."""

import json
import re
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest

from hardware_orders.client import ChangedError, ConflictError, NotFoundError, Order, RefusedError
from tests.backends import BACKENDS
from tests.system import System, eventually, order

PAGE = Path(__file__).parents[2] / "docs" / "client.md"
FULFILMENT = ("fulfilment", "orders:read")


def test_a_search_finds_every_order_once_over_its_pages(system: System) -> None:
    customers = [str(uuid.uuid4()), str(uuid.uuid4())]
    with system.orders() as client:
        made = [client.submit(order(customerEntityUid=customers[n % 2]), save_draft=n < 3) for n in range(7)]
        newest_first = [each.order_id for each in reversed(made)]
        found = list(client.search(customerEntityUids=customers, limit=2))
        assert [each.order_id for each in found] == newest_first
        assert [each.json["orderReference"] for each in found] == [each.reference for each in reversed(made)]
        drafts = client.search(customerEntityUids=customers, status="DRAFT", limit=1)
        assert [each.order_id for each in drafts] == newest_first[-3:]
        assert [each.order_id for each in client.search(orderReference=made[0].reference)] == [made[0].order_id]
        since = client.search(customerEntityUids=customers, startTime=made[5].created_date, limit=50)
        assert [each.order_id for each in since] == newest_first[:2]
        assert list(client.search(customerEntityUid=uuid.uuid4())) == []
        with pytest.raises(RefusedError) as raised:
            list(client.search(colour="blue"))
    assert (raised.value.status, raised.value.param) == (400, "colour")


def test_an_order_that_was_read_and_has_changed_is_left_alone(system: System) -> None:
    with system.orders() as client:
        read = client.submit(order(), save_draft=True)
        assert read.etag
        changed = client.replace(read, order(notes="first"))
        assert changed.etag != read.etag
        for act in (
            lambda: client.replace(read, order(notes="second")),
            lambda: client.submit_draft(read),
            lambda: client.cancel(read, "OTHER"),
            lambda: client.discard(read),
        ):
            with pytest.raises(ChangedError):
                act()
        assert client.get(read.order_id) == changed
        assert client.replace(read.order_id, order(notes="third")).json["notes"] == "third"


def test_an_order_is_read_as_it_stood(system: System) -> None:
    with system.orders() as client:
        draft = client.submit(order(notes="first"), save_draft=True)
        replaced = client.replace(draft, order(notes="second"))
        assert client.get(draft, version=2).json["notes"] == "first"
        assert client.get(draft, as_of=draft.modified_date).json["notes"] == "first"
        assert client.get(draft, as_of=replaced.modified_date).json["notes"] == "second"
        with pytest.raises(NotFoundError):
            client.get(draft, version=99)


def test_a_discarded_draft_is_gone_and_its_timeline_stays(system: System) -> None:
    with system.orders() as client:
        draft = client.submit(order(), save_draft=True)
        client.discard(draft)
        with pytest.raises(NotFoundError):
            client.discard(draft)
        with pytest.raises(NotFoundError):
            client.get(draft)
        assert list(client.search(orderReference=draft.reference)) == []
        assert [event.type for event in client.events(draft)][-1] == "order.discarded"
        submitted = client.submit(order())
        with pytest.raises(ConflictError):
            client.discard(submitted)


def test_fulfilment_reports_and_the_caller_asks_to_cancel(system: System) -> None:
    def standing(shown: Order) -> tuple[str, str | None]:
        return shown.status, shown.detailed_status

    with system.orders() as client, system.orders(roles=FULFILMENT) as fulfilment:
        submitted = client.submit(order())
        report = {"detailed_status": "FULFILMENT_BOOKED", "code": "C", "information": "Booked."}
        booked = fulfilment.report(submitted, "INPROGRESS", **report, tracking_reference="1Z999", order_number=4711)
        assert (*standing(booked), booked.code, booked.information) == (
            *("INPROGRESS", "FULFILMENT_BOOKED"),
            *("C", "Booked."),
        )
        assert booked.json["internal"]["oracleShippingTrackingReference"] == "1Z999"
        assert booked.json["internal"]["oracleOrderNumber"] == 4711
        assert standing(client.cancel(booked, "ORDER_LATE")) == ("INPROGRESS", "CANCEL_REQUESTED")
        with pytest.raises(ConflictError):
            client.cancel(submitted.order_id, "ORDER_LATE")
        assert fulfilment.report(submitted.order_id, "CANCELLED").status == "CANCELLED"
        moves = client.transitions()["transitions"]
    assert {"act", "to", "event"} <= moves[0].keys()


@pytest.mark.parametrize("backend", [BACKENDS[0]], indirect=True, ids=["sqlite"])
def test_the_page_for_integrators_runs_as_it_is_written(
    system: System, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "orders.ndjson").write_text(json.dumps(order()) + '\n{"orderReference": "R-2"}\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HARDWARE_ORDERS_URL", system.url)
    monkeypatch.setenv("HARDWARE_ORDERS_TOKEN", system.token())
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(blocks) == 4
    written: dict[str, Any] = {}
    exec("".join(blocks), written)  # noqa: S102 - our own page
    assert written["order"].status == "SUBMITTED"
    assert written["order"].json["poRef"] == "4711"
    printed = capsys.readouterr().out
    assert "MIR-0042 DRAFT" in printed
    assert "2 customerEntityUid is required" in printed  # the line that failed
    written["client"].close()


@pytest.mark.parametrize("backend", [BACKENDS[0]], indirect=True, ids=["sqlite"])
def test_the_commands_list_and_discard_with_an_api_key(system: System) -> None:
    def run(*words: str, **environment: str) -> str:
        command = [sys.executable, "-m", "hardware_orders", *words]
        return subprocess.run(
            command, capture_output=True, text=True, check=True, env={**system.environment, **environment}
        ).stdout

    customer = str(uuid.uuid4())
    made_key = ("api-key", "create", "--name", "Shop", "--entity", customer, "--role", "orders:read,orders:write")
    key = run(*made_key).strip()
    with system.orders() as client:
        made = [client.submit(order(customerEntityUid=customer), save_draft=True).order_id for _ in range(3)]
    token = {"HARDWARE_ORDERS_TOKEN": key}

    def listed(*words: str) -> list[str]:
        return [found["orderId"] for found in json.loads(run("list", *words, "--json", **token))]

    assert eventually(lambda: listed("--status", "DRAFT")) == made[::-1]
    assert listed("--customer", customer, "--limit", "2") == made[:0:-1]
    assert made[0] in run("list", **token)
    assert run("discard", made[0], **token) == f"Discarded {made[0]}.\n"
    assert listed() == made[:0:-1]
