"""A draft whose portfolio changes before it is submitted: the caller is told the difference, and chooses."""

import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from hardware_orders.client import ConflictError
from tests.backends import Backend
from tests.portfolio import customers
from tests.system import CUSTOMER, System, eventually, order, running_on

SIMPLIFIED = {"X-Use-Simplified-Order-Flow": "true"}
HEADER = "X-Portfolio-Version"
WAIT = {"Prefer": "wait=30"}

Publish = Callable[[str], None]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("portfolios") / "portfolios.json"


@pytest.fixture(scope="module")
def changing(request: pytest.FixtureRequest, backend: Backend, path: Path) -> Iterator[System]:
    path.write_text(json.dumps({"portfolios": [customers.portfolio(CUSTOMER)]}))
    # One process derives, so that what one order shows is what the next one gets.
    with running_on(backend, request, PORTFOLIO_URL=f"file:{path}", WORKER_CONCURRENCY="1") as system:
        yield system


@pytest.fixture(scope="module")
def publish(changing: System, path: Path) -> Publish:
    """Publishes the next version of the portfolio, with these notes, and waits until orders are completed from it."""
    versions = itertools.count(2)

    def published(notes: str) -> None:
        version = next(versions)
        portfolio = customers.portfolio(CUSTOMER, version=version, defaults={"notes": notes})
        path.with_suffix(".new").write_text(json.dumps({"portfolios": [portfolio]}))
        path.with_suffix(".new").replace(path)
        with changing.orders() as client:
            eventually(lambda: client.submit(order(), simplified=True, save_draft=True, wait=30).json["notes"] == notes)

    return published


def test_the_difference_is_told_and_the_caller_chooses(changing: System, publish: Publish) -> None:
    publish("Ring.")
    with changing.client() as client:
        drafts = [client.post("/orders/hardware", json=order(), headers=_DRAFT).json() for _ in range(3)]
        publish("Knock.")
        refused = [_submit(client, draft, **WAIT) for draft in drafts]
        changes = [{"pointer": "/notes", "old": "Ring.", "new": "Knock."}]
        for answer in refused:
            assert (answer.status_code, answer.json()["changes"]) == (409, changes)
            assert HEADER in answer.json()["detail"]
        stopped = [client.get(f"/orders/{draft['orderId']}").json() for draft in drafts]
        for shown in stopped:
            assert (shown["status"], shown["notes"]) == ("DRAFT", "Ring.")
            assert shown["internal"]["extendedDetails"]["code"] == "PORTFOLIO_CHANGED"
            assert shown["internal"]["portfolioChanges"] == changes
        pinned = _submit(client, drafts[0], **{HEADER: "pinned"}, **WAIT).json()
        latest = _submit(client, drafts[1], **{HEADER: "latest"}, **WAIT).json()
        replaced = client.put(f"/orders/hardware/{drafts[2]['orderId']}", json=stopped[2], headers=WAIT).json()
        told = client.get(f"/orders/{drafts[0]['orderId']}/events").json()["events"]
    assert (pinned["status"], pinned["notes"]) == ("SUBMITTED", "Ring.")
    assert pinned["internal"]["derivedFields"] == drafts[0]["internal"]["derivedFields"]
    assert (latest["status"], latest["notes"]) == ("SUBMITTED", "Knock.")
    for shown in (pinned, latest, replaced):
        assert "portfolioChanges" not in shown["internal"]
        assert "code" not in shown["internal"]["extendedDetails"]
    assert told[-2]["data"]["order"]["internal"]["portfolioChanges"] == changes
    assert told[-1]["type"].endswith("order.submitted")


def test_who_did_not_wait_reads_the_difference_and_the_client_says_which(changing: System, publish: Publish) -> None:
    publish("Left door.")
    with changing.orders() as client:
        draft = client.submit(order(), simplified=True, save_draft=True, wait=30)
        publish("Right door.")
        stopped = client.wait_until_settled(client.submit_draft(draft, wait=0))
        assert (stopped.status, stopped.code) == ("DRAFT", "PORTFOLIO_CHANGED")
        assert stopped.portfolio_changes == ({"pointer": "/notes", "old": "Left door.", "new": "Right door."},)
        with pytest.raises(ConflictError) as raised:
            client.submit_draft(draft.order_id, wait=30)
        assert raised.value.problem["changes"] == list(stopped.portfolio_changes)
        submitted = client.submit_draft(draft.order_id, portfolio_version="latest", wait=30)
    assert (submitted.status, submitted.json["notes"], submitted.portfolio_changes) == ("SUBMITTED", "Right door.", ())


@pytest.mark.parametrize("value", ["newest", "", "Pinned", "3"])
def test_another_word_is_refused_and_changes_nothing(system: System, value: str) -> None:
    with system.client() as client:
        draft = client.post("/orders/hardware", json=order(), headers={"saveDraft": "true", **WAIT}).json()
        answer = _submit(client, draft, **{HEADER: value})
        assert (answer.status_code, answer.json()["param"]) == (400, HEADER)
        assert "`pinned` or `latest`" in answer.json()["detail"]
        assert client.get(f"/orders/{draft['orderId']}").json() == draft


_DRAFT = {"saveDraft": "true", **SIMPLIFIED, **WAIT}


def _submit(client: httpx2.Client, draft: dict[str, Any], **headers: str) -> httpx2.Response:
    return client.post(f"/orders/drafts/{draft['orderId']}", headers=headers)
