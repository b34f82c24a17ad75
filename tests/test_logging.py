"""The lines of orders: whole, in both formats, also beside other processes; and none where none are wanted."""

import json
import os
import sys
from contextlib import suppress

import pytest

from hardware_orders import logging

STEPS = [{"order_id": f"order-{number}", "status": "SUBMITTED"} for number in range(500)]


def written(monkeypatch: pytest.MonkeyPatch, log_format: str, *, log_orders: bool = True) -> list[str]:
    """The lines of STEPS, which come in pieces that each end with a line."""
    pieces: list[str] = []

    class Stream:
        def write(self, text: str) -> None:
            pieces.append(text)

        def flush(self) -> None:
            pass

    monkeypatch.setattr(logging, "_render", logging.line_writer(log_format, "api") if log_orders else None)
    monkeypatch.setattr(sys, "stderr", Stream())
    logging.order_steps("order_settled", STEPS)
    assert all(piece.endswith("\n") and len(piece) <= logging.TOGETHER_MOST_CHARACTERS for piece in pieces)
    return "".join(pieces).splitlines()


def test_lines_are_whole_whatever_many_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [json.loads(line) for line in written(monkeypatch, "json")]
    assert [line["order_id"] for line in found] == [step["order_id"] for step in STEPS]
    assert found[0].keys() == {"order_id", "status", "event", "level", "timestamp", "process"}
    shown = written(monkeypatch, "console")
    assert len(shown) == len(STEPS)
    assert "order_settled" in shown[0]
    assert "order_id=order-0 status=SUBMITTED" in shown[0]


def test_none_are_written_where_none_are_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    assert written(monkeypatch, "json", log_orders=False) == []


def test_a_reader_that_is_gone_stops_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, its = os.pipe()
    os.close(ours)
    monkeypatch.setattr(logging, "_render", logging.line_writer("json", "api"))
    stream = os.fdopen(its, "w", buffering=1)
    monkeypatch.setattr(sys, "stderr", stream)
    logging.order_steps("order_settled", STEPS)
    with suppress(BrokenPipeError):  # what could not be written is tried once more
        stream.close()
