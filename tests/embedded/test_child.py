import signal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware_orders.embedded.child import LINE_LENGTH, Lines, ending


@given(
    st.lists(st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs"])), min_size=1),
    st.integers(1, 7),
)
def test_lines_come_out_whole_however_their_bytes_arrive(texts: list[str], size: int) -> None:
    data = "".join(f"{text}\n" for text in texts).encode()
    lines = Lines()
    came = [line for start in range(0, len(data), size) for line in lines.feed(data[start : start + size])]
    assert came == texts
    assert lines.end() == []


def test_a_line_without_end_is_kept_in_bounded_memory_and_cut() -> None:
    lines = Lines()
    for _ in range(1000):
        assert lines.feed(b"x" * 10_000) == []
    assert len(lines._rest) <= 4 * LINE_LENGTH + 1
    assert lines.feed(b"\nnext\n") == ["x" * (LINE_LENGTH - 1) + "…", "next"]


def test_the_last_line_needs_no_line_feed() -> None:
    lines = Lines()
    assert lines.feed(b"one\r\ntwo \xff") == ["one"]
    assert lines.end() == ["two �"]
    assert lines.end() == []


@pytest.mark.parametrize(
    ("exit_code", "words"),
    [
        (0, "ended with exit code 0"),
        (2, "ended with exit code 2"),
        (-signal.SIGKILL, "was ended by SIGKILL"),
        (-50, "was ended by signal 50"),
    ],
)
def test_an_ending_is_told_in_words(exit_code: int, words: str) -> None:
    assert ending(exit_code) == words
