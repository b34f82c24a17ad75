"""The pages on both databases; on PostgreSQL as a login that owns nothing, behind row-level security."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hardware_orders.database import Database
from hardware_orders.migrations.upgrade import migrate
from tests.backends import own_postgres
from tests.dashboard.site import Site, opened


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("dashboard")


def migrated(folder: Path) -> str:
    url = f"sqlite:///{folder}/orders.db"
    database = Database(url)
    migrate(database)
    database.dispose()
    return url


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def site(request: pytest.FixtureRequest, folder: Path) -> Iterator[Site]:
    if request.param == "sqlite":
        url = migrated(folder)
        with opened(folder, url, url) as found:
            yield found
        return
    postgres = request.getfixturevalue("postgres")
    with postgres.clone() as url, own_postgres.login(url) as login, opened(folder, url, login) as found:
        yield found


@pytest.fixture(scope="module")
def open_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("open")
    url = migrated(folder)
    with opened(folder, url, url, is_open=True) as found:
        yield found
