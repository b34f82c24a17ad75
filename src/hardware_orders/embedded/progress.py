"""What `up` and `demo` print while they work: marks of progress to standard output, the children's lines to standard error."""

import contextlib
import os
import sys
from collections.abc import Iterable

GREEN, RED, YELLOW, DIM = "32", "31", "33", "2"
NAME_WIDTH = 7  # "migrate", the longest of our children's names


class Progress:
    """Readable lines, coloured on a terminal only. Output that nobody reads any more stops nothing."""

    def __init__(self, *, echoes_children: bool = True) -> None:
        self._echoes_children = echoes_children
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="replace")  # a terminal that is not UTF-8 shows `?` and not a traceback
        self._is_coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR")

    def ready(self, name: str, seconds: float) -> None:
        self.say(f"{self._coloured('✓', GREEN)} {name} {seconds:.1f} s")

    def failed(self, reason: str, lines: Iterable[str] = ()) -> None:
        """The reason in one line, then the lines that led to it, indented."""
        self.say("\n".join([f"{self._coloured('✗', RED)} {reason}", *(f"    {line}" for line in lines)]))

    def warned(self, text: str) -> None:
        self.say(f"{self._coloured('!', YELLOW)} {text}")

    def said(self, name: str, line: str) -> None:
        """A line of a child's own output."""
        if not self._echoes_children:
            return
        with contextlib.suppress(OSError, ValueError):
            print(f"{self._coloured(f'{name:{NAME_WIDTH}} │', DIM)} {line}", file=sys.stderr, flush=True)  # noqa: T201

    def say(self, text: str) -> None:
        # A closed pipe (`up | head`) must not end the orders' processes; Ctrl-C does.
        with contextlib.suppress(OSError, ValueError):
            print(text, flush=True)  # noqa: T201 - this is the command's answer

    def _coloured(self, text: str, colour: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._is_coloured else text
