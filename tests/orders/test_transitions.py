"""The published table: what docs/statuses.md says of it, and that it says everything."""

from pathlib import Path
from typing import Any

import pytest

from hardware_orders.contract.enums import DetailedStatus, Status
from hardware_orders.orders import transitions
from hardware_orders.orders.status import TRANSITIONS, Act

PAGE = (Path(__file__).parents[2] / "docs" / "statuses.md").read_text()
TABLE: dict[str, Any] = transitions.as_json()


def name(state: dict[str, str]) -> str:
    return f"{state['status']} / {state['detailedStatus']}" if "detailedStatus" in state else state["status"]


def test_every_state_status_and_act_has_its_meaning() -> None:
    assert {name(row) for row in TABLE["states"]} == {name(row["to"]) for row in TABLE["transitions"]}
    assert {row["status"] for row in TABLE["statuses"]} == set(Status)
    assert {row["act"] for row in TABLE["acts"]} == set(Act)
    details = [row["detailedStatus"] for row in (*TABLE["states"], *TABLE["notOurs"]) if "detailedStatus" in row]
    assert sorted(details) == sorted(DetailedStatus)
    meanings = [row["meaning"] for part in ("statuses", "states", "acts") for row in TABLE[part]]
    assert all(meaning.endswith(".") for meaning in meanings)


def test_every_row_is_published() -> None:
    assert len(TABLE["transitions"]) == len(TRANSITIONS)
    assert TABLE["transitions"][0] == {"act": "receive", "to": {"status": "RECEIVED"}, "event": "order.received"}
    assert {
        "act": "cancel",
        "from": {"status": "INPROGRESS", "detailedStatus": "FULFILMENT_BOOKED"},
        "to": {"status": "INPROGRESS", "detailedStatus": "CANCEL_REQUESTED"},
        "event": "order.progressed",
    } in TABLE["transitions"]


def test_ends_and_permissions() -> None:
    states = {row.get("detailedStatus"): row for row in TABLE["states"]}
    assert {name for name, row in states.items() if row["isFinal"]} == {
        *("COMPLETED", "CANCELLED", "DECLINED", "CANCELED_BYUSER")
    }
    assert {name for name, row in states.items() if row["isEditable"]} == {None, "DRAFT", "REQUIRES_ATTENTION"}
    assert {"SUBMITTED", "FULFILMENT_PICKED", "CANCEL_ERROR"} <= {n for n, row in states.items() if row["canCancel"]}
    assert not states["FULFILMENT_SHIPPED"]["canCancel"]


def states_as_markdown() -> list[str]:
    yes = {True: "yes", False: ""}
    return [
        f"| {row['status']} | {row.get('detailedStatus', '')} | {row['meaning']} | {yes[row['isEditable']]} |"
        f" {yes[row['canCancel']]} |"
        for row in TABLE["states"]
    ]


def reports_as_markdown() -> list[str]:
    """One line for states from which fulfilment may report the same."""
    reports: dict[str, list[str]] = {}
    for row in TABLE["transitions"]:
        if row["act"] == Act.PROGRESS:
            reports.setdefault(row["from"]["detailedStatus"], []).append(row["to"]["detailedStatus"])
    alike: dict[tuple[str, ...], list[str]] = {}
    for source, reported in reports.items():
        alike.setdefault(tuple(reported), []).append(source)
    return [f"| {', '.join(where)} | {', '.join(reported)} |" for reported, where in alike.items()]


def moves_as_mermaid() -> list[str]:
    """The moves between statuses, without those that stay, once each in the order of the table."""
    moves = [
        f"    {row['from']['status'] if 'from' in row else '[*]'} --> {row['to']['status']}"
        for row in TABLE["transitions"]
        if "from" not in row or row["from"]["status"] != row["to"]["status"]
    ]
    return list(dict.fromkeys(moves))


@pytest.mark.parametrize(
    "lines",
    [
        states_as_markdown(),
        reports_as_markdown(),
        moves_as_mermaid(),
        [f"| {row['detailedStatus']} | {row['reason']} |" for row in TABLE["notOurs"]],
    ],
    ids=["states", "reports", "moves", "not ours"],
)
def test_the_page_says_what_the_table_says(lines: list[str]) -> None:
    text = "\n".join(lines)
    if f"\n{text}\n" not in PAGE:
        pytest.fail(f"docs/statuses.md lacks these lines, in one piece:\n{text}", pytrace=False)
