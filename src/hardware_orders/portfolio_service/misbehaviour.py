"""The ways in which the service can be told to misbehave, and the one in which it does now."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, Strict

# Longer than any caller waits. Whoever goes away earlier ends the wait.
SECONDS_MOST = 600
# Of every kind of failure of a server; what a client must do is the same for all.
ERROR_STATUS = 503
# A million calls are more than any trial makes.
CALLS_MOST = 1_000_000


class Mode(StrEnum):
    """What becomes of an answer. The request is checked, and refused, as without it."""

    NONE = "none"
    SLOW = "slow"
    DRIP = "drip"
    ERROR = "error"
    FLAPPING = "flapping"
    CLOSED = "closed"
    TRUNCATED = "truncated"
    NOT_HTTP = "not-http"
    REDIRECT = "redirect"
    NOT_FOUND = "not-found"
    NOT_MODIFIED = "not-modified"
    GARBAGE = "garbage"
    WRONG_TYPES = "wrong-types"
    WRONG_CUSTOMER = "wrong-customer"
    EMPTY = "empty"
    NO_DEFAULT = "no-default"
    HUGE = "huge"
    ENDLESS = "endless"
    BOMB = "bomb"
    NO_CONTENT_TYPE = "no-content-type"
    NO_CACHE_HEADERS = "no-cache-headers"
    ODD_CACHE_HEADERS = "odd-cache-headers"


MEANINGS = {
    Mode.NONE: "answers as it should",
    Mode.SLOW: "answers as it should, `seconds` later (5 if absent)",
    Mode.DRIP: "sends its answer a byte at a time, with `seconds` between them (0.1 if absent)",
    Mode.ERROR: "fails with `status` (503 if absent)",
    Mode.FLAPPING: "fails with `status` every other time, first of all the next",
    Mode.CLOSED: "closes the connection without an answer",
    Mode.TRUNCATED: "closes the connection after half of the body that Content-Length promised",
    Mode.NOT_HTTP: "answers in something else than HTTP",
    Mode.REDIRECT: "302, to a path of its own that would answer; `followed` of GET /calls counts who went there",
    Mode.NOT_FOUND: "knows no customer",
    Mode.NOT_MODIFIED: "304, whatever was asked",
    Mode.GARBAGE: "200 with something that is not JSON",
    Mode.WRONG_TYPES: "the portfolios with numbers and truth values as text",
    Mode.WRONG_CUSTOMER: "the portfolios of another customer",
    Mode.EMPTY: "no portfolio at all, though the customer is known",
    Mode.NO_DEFAULT: "portfolios none of which is the default",
    Mode.HUGE: "the right answer and 2 MiB of white space",
    Mode.ENDLESS: "the right answer and white space without Content-Length, until the client goes (64 MiB at most)",
    Mode.BOMB: "64 KiB of gzip that nobody asked for, which are 64 MiB",
    Mode.NO_CONTENT_TYPE: "the right answer without Content-Type",
    Mode.NO_CACHE_HEADERS: "the right answer with neither ETag nor Cache-Control",
    Mode.ODD_CACHE_HEADERS: "the right answer with an ETag without quotes and a max-age that is no number",
}


class Misbehaviour(BaseModel):
    """`{"mode": "slow", "seconds": 5, "calls": 3}`: for the next three calls; until it is changed without `calls`."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    mode: Annotated[Mode, Strict(False)]
    seconds: Annotated[float, Field(ge=0, le=SECONDS_MOST)] | None = None
    status: Annotated[int, Field(ge=500, le=599)] = ERROR_STATUS
    calls: Annotated[int, Field(ge=1, le=CALLS_MOST)] | None = None


BEHAVING = Misbehaviour(mode=Mode.NONE)


class Switch:
    """Which way it is now. Used by one thread, the event loop's."""

    def __init__(self, misbehaviour: Misbehaviour = BEHAVING) -> None:
        self.put(misbehaviour)

    def put(self, misbehaviour: Misbehaviour) -> None:
        """From the next call on."""
        self.now = misbehaviour
        self._calls = 0

    def take(self) -> Misbehaviour:
        """How the call in hand is to be answered; `flapping` is already told apart into failing and behaving."""
        taken = self.now
        self._calls += 1
        if taken.calls == self._calls:
            self.now = BEHAVING
        if taken.mode is not Mode.FLAPPING:
            return taken
        return taken.model_copy(update={"mode": Mode.ERROR}) if self._calls % 2 else BEHAVING
