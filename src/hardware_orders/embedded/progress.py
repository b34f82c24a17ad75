"""What `up` and `demo` print while they work: progress to standard output, the children's lines to standard error."""

import os
import sys
from collections.abc import Iterable
from typing import TextIO

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
        if self._echoes_children:
            _print(f"{self._coloured(f'{name:{NAME_WIDTH}} │', DIM)} {line}", sys.stderr)

    def say(self, text: str) -> None:
        _print(text, sys.stdout)

    def _coloured(self, text: str, colour: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._is_coloured else text


def _print(text: str, stream: TextIO) -> None:
    try:
        print(text, file=stream, flush=True)
    except OSError:
        # `up | head`: a reader that has gone must not end the orders' processes. Ctrl-C does.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
