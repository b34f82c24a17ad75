"""The systems that are broken here, on servers of the test's own, and the report of what came of it."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.backends import own_postgres
from tests.faults import processes, servers
from tests.faults.rig import Rig, server, show_log
from tests.system import running

LINES: list[str] = []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for line in LINES:
        terminalreporter.write_line(f"fault {line}")


@pytest.fixture(scope="session")
def report() -> Callable[[str], None]:
    """Adds a line to what pytest says at its end."""
    return LINES.append


@pytest.fixture
def folder() -> Iterator[Path]:
    """Short enough for sockets, which pytest's own folder is not."""
    with tempfile.TemporaryDirectory(prefix="ho-") as path:
        yield Path(path)


SQLITE = "sqlite, one server"
POSTGRESQL = "postgresql, two servers"


@pytest.fixture(params=[SQLITE, POSTGRESQL])
def rig(request: pytest.FixtureRequest, folder: Path, report: Callable[[str], None]) -> Iterator[Rig]:
    """SQLite with one server as broker and for the events, as embedded; PostgreSQL with one for each."""
    with opened(request.param, request, folder, report) as rig:
        yield rig


@pytest.fixture
def best_rig(request: pytest.FixtureRequest, folder: Path, report: Callable[[str], None]) -> Iterator[Rig]:
    """PostgreSQL where there is one, else SQLite: for what is as likely to show on one as on the other."""
    with opened(SQLITE if own_postgres.absence() else POSTGRESQL, request, folder, report) as rig:
        yield rig


@contextmanager
def opened(name: str, request: pytest.FixtureRequest, folder: Path, report: Callable[[str], None]) -> Iterator[Rig]:
    skip_for(servers.absence(), processes.absence())
    with ExitStack() as stack:
        events = broker = stack.enter_context(server(folder / "broker"))
        database_url = f"sqlite:///{folder}/orders.db"
        if name == POSTGRESQL:
            database_url = stack.enter_context(request.getfixturevalue("postgres").clone())
            events = stack.enter_context(server(folder / "events"))
        settings = {
            "DATABASE_URL": database_url,
            "BROKER_URL": broker.url(0),
            "EVENTS_URL": events.url(1),
            "LOCAL_SIGNING_KEY": str(folder / "signing-key.json"),
        }
        system = stack.enter_context(running(folder, settings))
        yield Rig(name, system, report, broker, events)
        show_log(system)


def skip_for(*reasons: str | None) -> None:
    for reason in filter(None, reasons):
        pytest.skip(reason)


@pytest.fixture
def embedded(folder: Path, report: Callable[[str], None]) -> Iterator[Rig]:
    """The embedded default, with the Valkey that it starts itself."""
    skip_for(servers.absence(), processes.absence())
    with running(folder, {"DATA_DIR": str(folder / "data")}) as system:
        events = {"HARDWARE_ORDERS_EVENTS_URL": f"unix://{folder}/data/valkey.sock?db=1"}
        system.environment = {**system.environment, **events}
        yield Rig("embedded", system, report)
        show_log(system)
