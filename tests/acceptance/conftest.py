"""The system under test, started once for each backend."""

from collections.abc import Iterator

import pytest

from tests.backends import Backend
from tests.system import System, running_on


@pytest.fixture(scope="session")
def system(request: pytest.FixtureRequest, backend: Backend) -> Iterator[System]:
    with running_on(backend, request) as system:
        yield system
