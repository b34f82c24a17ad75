"""The system under test, started once for each backend."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.backends import Backend
from tests.system import System, running


@pytest.fixture(scope="session")
def system(request: pytest.FixtureRequest, backend: Backend) -> Iterator[System]:
    postgres = None if backend.name == "sqlite" else request.getfixturevalue("postgres")
    # A socket's path must be short, so this is not pytest's own folder.
    with (
        tempfile.TemporaryDirectory(prefix="ho-") as folder,
        backend.opened(Path(folder), postgres) as settings,
        running(Path(folder), settings) as system,
    ):
        yield system
