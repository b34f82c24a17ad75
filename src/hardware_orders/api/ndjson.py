"""NDJSON read as it arrives: bytes in, whole lines out, and never more than one line held."""

from collections.abc import Iterator
from dataclasses import dataclass

from hardware_orders.api.bodies import BODY_MOST_BYTES


@dataclass(frozen=True, slots=True)
class RawLine:
    """A line without blanks around it, and its index, counted from 0 over all lines. `raw` is None for one that is too long."""

    index: int
    raw: bytes | None


class Lines:
    """Cuts a body into lines. A line may have as many bytes as an order's body; blank lines count, and are left out."""

    def __init__(self) -> None:
        self._begun = bytearray()
        self._is_too_long = False
        self._next = 0

    @property
    def count(self) -> int:
        """How many lines have begun or ended."""
        return self._next + bool(self._begun or self._is_too_long)

    def feed(self, chunk: bytes) -> Iterator[RawLine]:
        """The lines that end in this part of the body."""
        *ended, begun = chunk.split(b"\n")
        for part in ended:
            self._extend(part)
            yield from self.end()
        self._extend(begun)

    def end(self) -> Iterator[RawLine]:
        """The line that has begun, if it is not blank."""
        raw, index, is_too_long = bytes(self._begun).strip(), self._next, self._is_too_long
        self._next, self._is_too_long = index + 1, False
        self._begun.clear()
        if is_too_long:
            yield RawLine(index, None)
        elif raw:
            yield RawLine(index, raw)

    def _extend(self, part: bytes) -> None:
        if len(self._begun) + len(part) > BODY_MOST_BYTES:
            self._is_too_long = True
            self._begun.clear()
        if not self._is_too_long:
            self._begun += part
