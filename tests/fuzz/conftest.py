"""The system under test: embedded, or on PostgreSQL and Redis. What carries the bells no request can see."""

from collections.abc import Iterator

import pytest

from tests.backends import BACKENDS, Backend
from tests.system import System, running_on


@pytest.fixture(scope="module", params=BACKENDS[:2], ids=lambda backend: backend.name)
def backend(request: pytest.FixtureRequest) -> Backend:
    found: Backend = request.param
    reason = found.absence()
    if reason:
        pytest.skip(reason)
    return found


@pytest.fixture(scope="module")
def system(request: pytest.FixtureRequest, backend: Backend) -> Iterator[System]:
    with running_on(backend, request) as system:
        yield system
