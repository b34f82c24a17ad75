"""Lines of a body, however it is cut into pieces."""

import pytest

from hardware_orders.api import ndjson
from hardware_orders.api.ndjson import Lines, RawLine

BODY = b'{"a":1}\r\n\n  \n0123456789\nshort\nlast'


@pytest.mark.parametrize("size", [1, 2, 7, 100])
def test_lines_are_the_same_however_they_arrive(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(ndjson, "BODY_MOST_BYTES", 9)
    lines = Lines()
    found = [line for start in range(0, len(BODY), size) for line in lines.feed(BODY[start : start + size])]
    assert lines.count == 6
    assert [*found, *lines.end()] == [
        RawLine(0, b'{"a":1}'),
        RawLine(3, None),
        RawLine(4, b"short"),
        RawLine(5, b"last"),
    ]
