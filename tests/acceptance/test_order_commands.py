"""The commands about orders as processes, beside an `up` whose folder they are started in: no option, no setting."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.backends import BACKENDS
from tests.system import System, order

# They speak HTTP: what the service stands on makes no difference to them.
pytestmark = pytest.mark.parametrize("backend", [BACKENDS[0]], indirect=True, ids=["sqlite"])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "order.json"
    file.write_text(json.dumps(order()))
    return file


def run(system: System, *words: str) -> Any:
    """What the command printed, which is JSON."""
    command = [sys.executable, "-m", "hardware_orders", *words, "--json"]
    ended = subprocess.run(command, capture_output=True, text=True, check=True, env=system.environment)
    assert ended.stderr == ""
    return json.loads(ended.stdout)


def test_an_order_lives_through_the_commands(system: System, file: Path) -> None:
    draft = run(system, "submit", str(file), "--draft")
    assert (draft["status"], draft["createdBy"]) == ("DRAFT", "Local user")
    order_id = draft["orderId"]
    file.write_text(json.dumps(order(notes="Ring twice.")))
    assert run(system, "replace", order_id, str(file))["notes"] == "Ring twice."
    assert run(system, "submit-draft", order_id, "--wait", "30")["status"] == "SUBMITTED"
    assert run(system, "cancel", order_id, "--reason", "OTHER")["status"] == "CANCELLED"
    shown = run(system, "get", order_id)
    assert (shown["orderId"], shown["status"]) == (order_id, "CANCELLED")
    types = [event["type"].removeprefix("hardware-orders.order.") for event in run(system, "timeline", order_id)]
    assert types == ["received", "drafted", "replaced", "submitted", "cancelled"]


def test_what_is_refused_ends_with_1_and_the_sentence(system: System, file: Path) -> None:
    file.write_text('{"orderReference": ""}')
    command = [sys.executable, "-m", "hardware_orders", "submit", str(file)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, env=system.environment)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == (
        "hardware-orders: refused with 400.\n  orderReference must not be empty.\n  customerEntityUid is required.\n"
    )
