"""A database that stands still under large orders: memory is bounded, refusals are honest, nothing lost or doubled."""

import json
import uuid
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from sqlalchemy import func, select, text

from hardware_orders.api.bodies import HELD_MOST_BYTES
from hardware_orders.errors import OverloadedError
from hardware_orders.tables import orders
from tests.acceptance.bad_inputs import HARDWARE, JSON
from tests.raw_http import Answer, exchange, request
from tests.system import System, order

# Half as much again as what all bodies in hand may hold.
CALLERS = 96
# Raw, as text, parsed, and as what is sent to the database; a process at rest has about 100 MiB.
MEMORY_MOST_BYTES = 8 * HELD_MOST_BYTES


def large_order() -> bytes:
    """As large as the contract allows without points of interaction: 1 MB."""
    answers = [{"variableName": "a", "variableValue": "v" * 10_000}] * 100
    return json.dumps(order(additionalOrderData=answers)).encode()


@contextmanager
def standing_still(system: System) -> Iterator[None]:
    with system.database.write() as connection:
        if not system.database.is_sqlite:
            connection.execute(text("LOCK TABLE orders"))
        yield


def memory(system: System) -> int:
    """What the API process holds, in bytes."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        fields = stat.read_text().rpartition(")")[2].split()
        command = (stat.parent / "cmdline").read_bytes().split(b"\0")
        if int(fields[1]) == system.process.pid and b"api" in command:
            return int(fields[21]) * 4096
    raise AssertionError("no API process")


def count(system: System) -> int:
    with system.database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(orders)).scalar_one())


def test_what_is_too_much_is_refused_at_once_and_goes_through_a_moment_later(system: System) -> None:
    def post(sent: bytes) -> Answer:
        return exchange(system.url, sent)

    def sent() -> bytes:
        key = ("Idempotency-Key", str(uuid.uuid4()))
        headers = [("Authorization", f"Bearer {system.token()}"), JSON, key, ("Prefer", "respond-async")]
        return request("POST", HARDWARE, headers, large_order())

    before = count(system)
    with ThreadPoolExecutor(CALLERS) as callers:
        with standing_still(system):
            asked: dict[Future[Answer], bytes] = {
                callers.submit(post, each): each for each in (sent() for _ in range(CALLERS))
            }
            first = [asking.result() for asking in islice(as_completed(asked), CALLERS // 4)]
            held = memory(system)
        assert {answer.status for answer in first} == {503}
        assert {answer.problem["detail"] for answer in first} == {str(OverloadedError())}
        assert held < MEMORY_MOST_BYTES
        answers = {sent: asking.result() for asking, sent in asked.items()}
        refused = [sent for sent, answer in answers.items() if answer.status == 503]
        assert all(answer.headers["retry-after"] == "1" for answer in answers.values() if answer.status == 503)
        assert {answer.status for answer in answers.values()} <= {202, 503}
        assert count(system) - before == CALLERS - len(refused)
    # A failure of ours is never remembered under the key; what was stored is not stored again.
    for each in [*refused, *list(answers)[:3]]:
        assert post(each).status in (200, 202)
    assert count(system) - before == CALLERS
