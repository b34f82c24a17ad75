import io
from typing import Any

import pytest
from rich.console import Console

from hardware_orders.client import Event, Order, RefusedError, tables
from hardware_orders.embedded import demo_tables
from hardware_orders.embedded.demo_orders import Outcome


def derived(pointer: str, value: Any, origin: str) -> dict[str, Any]:
    return {"pointer": pointer, "value": value, "origin": origin, "portfolioUid": "p", "version": 1, "rule": "default"}


def event(position: int, kind: str, previous: str | None, status: str) -> Event:
    data = {"position": position, "previousStatus": previous, "status": status, "actor": {"name": "Ann [bold]Example"}}
    return Event({"type": f"hardware-orders.order.{kind}", "data": data})


SETTLED = Outcome(
    title="A simplified order.",
    order=Order(
        {
            "orderReference": "REF-1",
            "status": "SUBMITTED",
            "internal": {
                "extendedDetails": {"status": "SUBMITTED"},
                "derivedFields": [
                    *(derived(f"/merchant/billingAddress/line{number}", "x" * 100, "copy") for number in range(9)),
                    derived("/merchant/pois", [{}, {}], "default"),
                    derived("/requestedDate", "2026-12-01T00:00:00+01:00", "computed"),
                ],
            },
        }
    ),
    events=[event(2, "received", None, "RECEIVED"), event(10, "submitted", "RECEIVED", "SUBMITTED")],
    refusal=None,
)
PARKED = Outcome(
    title="An unknown customer.",
    order=Order(
        {
            "orderReference": "REF-2",
            "status": "ONHOLD",
            "internal": {
                "extendedDetails": {
                    "status": "REQUIRES_ATTENTION",
                    "code": "UNKNOWN_CUSTOMER",
                    "information": "Nobody.",
                }
            },
        }
    ),
    events=[event(3, "held", "RECEIVED", "ONHOLD")],
    refusal=None,
)
REFUSED = Outcome(
    title="A bad order.",
    order=None,
    events=(),
    refusal=RefusedError(
        400,
        {
            "detail": "The order has errors.",
            "errors": [
                {"param": "merchant.pois[0].devicePackage.quantity", "code": "too_small", "message": "It must be 1."}
            ],
        },
    ),
)


@pytest.fixture
def shown() -> str:
    out = Console(file=io.StringIO(), width=tables.PIPED_COLUMNS, highlight=False)
    demo_tables.show([SETTLED, REFUSED, PARKED], out)
    assert isinstance(out.file, io.StringIO)
    return out.file.getvalue()


def test_it_fits_in_a_hundred_columns_and_has_no_colour_when_piped(shown: str) -> None:
    assert max(map(len, shown.splitlines())) == 100
    assert "\x1b" not in shown


def test_of_many_derived_fields_every_origin_is_seen(shown: str) -> None:
    words = " ".join(shown.replace("│", " ").split())
    assert "merchant.pois = 2 entries (default)" in words
    assert "requestedDate = 2026-12-01T00:00:00+01:00 (computed)" in words
    assert shown.count("billingAddress.line") == tables.DERIVED_LINES - 2
    assert "… and 5 more" in shown


def test_a_parked_order_says_why(shown: str) -> None:
    for word in ("REF-2", "ONHOLD", "REQUIRES_ATTENTION", "UNKNOWN_CUSTOMER", "Nobody."):
        assert word in shown


def test_a_refusal_names_the_field_and_what_is_wrong(shown: str) -> None:
    assert "Refused with 400: A bad order." in shown
    line = next(line for line in shown.splitlines() if "quantity" in line)
    assert [cell.strip() for cell in line.split("│")] == [
        "",
        "merchant.pois[0].devicePackage.quantity",
        "It must be 1.",
        "",
    ]


def test_events_are_in_the_order_of_their_positions(shown: str) -> None:
    rows = [[cell.strip() for cell in line.split("│")][1:-1] for line in shown.splitlines() if " → " in line][1:]
    assert rows == [
        ["2", "REF-1", "order.received", "- → RECEIVED", "Ann [bold]Example"],
        ["3", "REF-2", "order.held", "RECEIVED → ONHOLD", "Ann [bold]Example"],
        ["10", "REF-1", "order.submitted", "RECEIVED → SUBMITTED", "Ann [bold]Example"],
    ]
