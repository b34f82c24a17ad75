"""Which backends there are, and a place of the tests' own on each: databases, virtual hosts, Redis databases."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from hardware_orders.database import Database
from hardware_orders.migrations.upgrade import migrate
from tests.backends import BACKENDS, PROGRAMS, PROMTOOL, REDIS_SERVER, Backend, Postgres, Program, own_postgres

EXERCISED: set[str] = set()
REQUIRED = "HARDWARE_ORDERS_TEST_REQUIRE"


def pytest_configure(config: pytest.Config) -> None:
    # Settings of whoever runs the tests must not reach the systems under test.
    for name in [name for name in os.environ if name.startswith("HARDWARE_ORDERS_") and "_TEST_" not in name]:
        del os.environ[name]
    config.addinivalue_line("markers", "needs(backend): runs only where this backend is found")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    if report.when == "call" and report.passed:
        EXERCISED.update(value.name for value in getattr(item, "funcargs", {}).values() if isinstance(value, Backend))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for backend in (*BACKENDS, *PROGRAMS):
        reason = backend.absence()
        state = "exercised" if backend.name in EXERCISED else f"not exercised: {reason or 'no test of it was run'}"
        terminalreporter.write_line(f"backend {backend.name}: {state}")


def pytest_sessionfinish(session: pytest.Session) -> None:
    required = {name for name in os.environ.get(REQUIRED, "").split(",") if name}
    if required - EXERCISED and session.exitstatus == 0 and not session.config.option.collectonly:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session", params=BACKENDS, ids=lambda backend: backend.name)
def backend(request: pytest.FixtureRequest) -> Backend:
    found: Backend = request.param
    reason = found.absence()
    if reason:
        pytest.skip(reason)
    return found


def found(program: Program) -> Program:
    reason = program.absence()
    if reason:
        pytest.skip(reason)
    return program


@pytest.fixture(scope="session")
def promtool() -> Program:
    return found(PROMTOOL)


@pytest.fixture(scope="session")
def redis_server() -> Program:
    return found(REDIS_SERVER)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A database of this run's own, migrated once, and cloned for each test."""
    reason = own_postgres.absence()
    if reason:
        pytest.skip(reason)
    with own_postgres.template() as template:
        yield template


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path}/orders.db"
    database = Database(url)
    migrate(database)
    database.dispose()
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a new, migrated database. Tests of what is the same on every one take `sqlite_url` for it."""
    if request.param == "sqlite":
        yield request.getfixturevalue("sqlite_url")
    else:
        with request.getfixturevalue("postgres").clone() as url:
            yield url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = Database(database_url)
    yield opened
    opened.dispose()
