"""One upload of a batch: its lines are checked and stored as they arrive, a part at a time.

Each part is committed before the next is read. So a batch has few orders in hand however long it is: single requests are
stored beside them and wait for no more than one part, and the memory stays the same.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

from starlette.concurrency import run_in_threadpool

from hardware_orders.api import line_error
from hardware_orders.api.batch_line import Reader
from hardware_orders.api.ndjson import Lines, RawLine
from hardware_orders.api.problems import Problem, invalid_field
from hardware_orders.database import Database
from hardware_orders.errors import DatabaseAwayError, KeyInFlightError, KeyReusedError, OverloadedError
from hardware_orders.intake import batches
from hardware_orders.intake.accept import Intake
from hardware_orders.intake.batches import Batch, Line
from hardware_orders.intake.group_commit import Request

LINES_MOST = 100_000
# Of one transaction: some milliseconds, by which a single request that comes meanwhile waits the longer.
PART_LINES = 100
# While single orders come a part is smaller, and the upload rests after it for so many times as long as it took: what
# it leaves of its time decides how much longer they take (docs/adr/0018).
PART_LINES_BESIDE = 20
REST = 5.0
# Parts that a stalled database held up are no measure, and an upload goes on, however slowly.
REST_MOST_SECONDS = 0.2
# Orders of batches that have yet to be rung for: beyond so many, those of the upload would only be forgotten by the bell.
# It waits for their turn at most so long after each part, for workers that are away hold up no upload.
WAITING_LINES_MOST, WAITING_LINES_BESIDE = 5_000, 50
TURN_MOST_SECONDS = 0.2
LOOK_SECONDS = 0.01
# Other requests have their turn when so much has been read: some ten lines, and half a millisecond.
TURN_BYTES = 4_096
# What can pass is tried again after 0.1, 0.2, 0.4 … seconds; then the upload is told 503 and goes on when it is sent again.
PASSING = (DatabaseAwayError, KeyInFlightError, OverloadedError)
TRIES = 6
FIRST_PAUSE_SECONDS = 0.1


async def begun(body: AsyncIterator[bytes]) -> bytes:
    """The body up to where its first order has begun, so that a batch of none leaves nothing. Raises Problem 400."""
    beginning = b""
    async for chunk in body:
        beginning += chunk
        if beginning.strip():
            return beginning
        # Only how many lines are blank counts; more than a batch may have are refused with the first order.
        beginning = b"\n" * min(beginning.count(b"\n"), LINES_MOST + 1)
    raise invalid_field("", "empty", "holds no order; send one a line")


class Upload:
    """The lines of one request, on their way into a batch."""

    def __init__(
        self, database: Database, intake: Intake, parts: asyncio.Semaphore, batch: Batch, reader: Reader
    ) -> None:
        """`parts` is what all uploads of the process take turns by."""
        self._database = database
        self._parts = parts
        self._intake = intake
        self._batch = batch
        self._reader = reader
        self.first_new: int | None = None
        """The first line that no earlier upload had dealt with."""

    async def read(self, beginning: bytes, body: AsyncIterator[bytes]) -> None:
        """Take in all lines, then end the batch. `beginning` is what has been read of the body.

        Raises Problem 413 for too many lines and 503 while they cannot be stored; KeyReusedError when a line is not the
        one that an earlier upload sent in its place. What was stored until then stays.
        """
        lines = Lines()
        await self._feed(lines, beginning)
        async for chunk in body:
            await self._feed(lines, chunk)
        await self._take([*lines.end()])
        await run_in_threadpool(batches.end, self._database, self._batch.batch_id)

    async def _feed(self, lines: Lines, chunk: bytes) -> None:
        await self._take([raw for raw in lines.feed(chunk) if raw.index < LINES_MOST])
        if lines.count > LINES_MOST:
            raise Problem(413, f"A batch has at most {LINES_MOST:,} lines; send the others as another batch.")

    async def _take(self, raws: Sequence[RawLine]) -> None:
        start = 0
        while start < len(raws):
            count = PART_LINES_BESIDE if self._intake.single_orders.are_coming else PART_LINES
            began_at = time.monotonic()
            await self._take_part(raws[start : start + count])
            start += count
            await self._rest(time.monotonic() - began_at)

    async def _rest(self, took: float) -> None:
        """Make room for single orders, and for what waits to be settled."""
        singles, bell = self._intake.single_orders, self._intake.bell
        if singles.are_coming:
            await asyncio.sleep(min(took * REST, REST_MOST_SECONDS))
        until = time.monotonic() + TURN_MOST_SECONDS
        while bell.is_open and time.monotonic() < until:
            if bell.waiting_lines <= (WAITING_LINES_BESIDE if singles.are_coming else WAITING_LINES_MOST):
                break
            await asyncio.sleep(LOOK_SECONDS)

    async def _take_part(self, raws: Sequence[RawLine]) -> None:
        requests: list[Request] = []
        failed: list[tuple[Line, dict[str, Any]]] = []
        read_bytes = 0
        for raw, line in await self._new(raws):
            try:
                requests.append(self._reader.request(raw, line))
            except Problem as problem:
                failed.append((line, line_error.of(line.index, problem)))
            read_bytes += len(raw.raw or b"")
            if read_bytes >= TURN_BYTES:
                read_bytes = 0
                await asyncio.sleep(0)
        failed += await self._stored(requests)
        if failed:
            await run_in_threadpool(batches.insert_failed, self._database, failed)

    async def _new(self, raws: Sequence[RawLine]) -> list[tuple[RawLine, Line]]:
        """The lines that no earlier upload has dealt with."""
        found = [(raw, self._reader.line(raw)) for raw in raws]
        if found and not self._batch.is_new:
            first, last = raws[0].index, raws[-1].index
            known = await run_in_threadpool(batches.stored_lines, self._database, self._batch.batch_id, first, last)
            if any(line.index in known and known[line.index].line_hash != line.line_hash for _, line in found):
                raise KeyReusedError
            # The process that had the broken upload may have been killed before it rang for them.
            self._intake.bell.ring_lines(stored.waiting for stored in known.values() if stored.waiting)
            found = [(raw, line) for raw, line in found if line.index not in known]
            if found and self._batch.is_ended:
                raise KeyReusedError
        if found and self.first_new is None:
            self.first_new = found[0][1].index
        return found

    async def _stored(self, requests: Sequence[Request]) -> list[tuple[Line, dict[str, Any]]]:
        """Store the orders; returns the lines that no second try would help."""
        failed = []
        pause = FIRST_PAUSE_SECONDS
        for turn in range(TRIES):
            if turn:
                await asyncio.sleep(pause)
                pause *= 2
            # Another upload that was first with a line, or an earlier try of which nobody knew, has stored its order.
            async with self._parts:
                outcomes = await self._intake.group_commit.accept_all(requests)
            pairs = list(zip(requests, outcomes, strict=True))
            failed += [
                (request.line, line_error.of(request.line.index, outcome))
                for request, outcome in pairs
                if request.line and isinstance(outcome, KeyReusedError)
            ]
            requests = [request for request, outcome in pairs if isinstance(outcome, PASSING)]
            if not requests:
                return failed
        raise Problem(503, "The batch could not be stored to its end; send it again, with the same Idempotency-Key.")
