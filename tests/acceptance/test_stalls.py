"""An order that cannot go on says where it stands, is told of once, and goes on when it can."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from hardware_orders import samples
from tests.system import System, eventually, running

MIRAMAR = {"orderReference": "MIR-0042", "customerEntityUid": "c0a8f3de-51b2-4e0f-8a6d-7b1e94d2f101"}
EVENTS = [("order.received", 1), ("order.stalled", 2), ("order.submitted", 3)]


@pytest.fixture
def portfolios() -> Iterator[Path]:
    """A portfolio file that is not there yet."""
    with tempfile.TemporaryDirectory(prefix="ho-") as folder:
        yield Path(folder) / "portfolios.yaml"


@pytest.fixture
def system(portfolios: Path) -> Iterator[System]:
    folder = portfolios.parent
    settings = {"DATA_DIR": str(folder / "data"), "PORTFOLIO_URL": f"file:{portfolios}", "STALLED_SECONDS": "1"}
    with running(folder, settings) as system:
        yield system


def told(system: System) -> list[tuple[str, int]]:
    entries: Any = system.events.xrange("hardware-orders:events")
    events = [json.loads(fields["event"]) for _, fields in entries]
    return [(event["type"].removeprefix("hardware-orders."), event["data"]["sequence"]) for event in events]


def test_an_order_that_cannot_go_on_says_so_and_goes_on_when_it_can(system: System, portfolios: Path) -> None:
    headers = {
        "Authorization": f"Bearer {system.token()}",
        "X-Use-Simplified-Order-Flow": "true",
        "Prefer": "respond-async",
    }
    with httpx2.Client(base_url=system.url, headers=headers) as client:
        waiting = client.post("/orders/hardware", json=MIRAMAR)
        place = waiting.headers["Location"]

        def stalled() -> dict[str, Any]:
            processing: dict[str, Any] = client.get(place).json()["internal"]["processing"]
            return processing if "stalledAt" in processing else {}

        processing = eventually(stalled)
        order = client.get(place, headers={"If-None-Match": "*"})
        assert (order.status_code, order.json()["status"]) == (200, "RECEIVED")
        assert processing["waitingSince"] == order.json()["createdDate"] < processing["stalledAt"]
        assert processing["waitingSince"] < processing["nextAttempt"]
        assert processing["attempts"] >= 1
        assert processing["position"] == 1
        assert client.get("/readyz").json()["schema"] == "current"
        assert "position" not in client.get("/orders").json()["items"][0]["internal"]["processing"]
        shutil.copy(samples.portfolios_path(), portfolios)
        eventually(lambda: client.get(place).json()["status"] == "SUBMITTED", 30)
        assert "processing" not in client.get(place).json()["internal"]
        eventually(lambda: len(told(system)) == len(EVENTS))
        assert told(system) == EVENTS
        events = client.get(f"{place}/events").json()["events"]
    assert all("processing" not in event["data"]["order"]["internal"] for event in events)
    assert events[1]["data"]["actor"] == {"name": "Hardware Orders", "type": "service"}
