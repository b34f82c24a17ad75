"""The making of database roles: by whoever may make them, once for all databases of a server, with the remedy for others."""

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import func, select

from hardware_orders import migrations
from hardware_orders.database import Database, DatabaseRole
from hardware_orders.errors import WrongSettingError
from hardware_orders.migrations import roles
from hardware_orders.migrations.upgrade import migrate
from tests import backends
from tests.backends import POSTGRES, Postgres, own_postgres
from tests.system import eventually

CALLER, WORKER = DatabaseRole.CALLER, DatabaseRole.WORKER


def test_an_owner_that_may_make_no_roles_migrates_where_they_are_and_is_told_what_it_lacks(postgres: Postgres) -> None:
    assert postgres  # its migration has made the roles
    with own_postgres.login(POSTGRES, attributes="INHERIT", roles=()) as login, owned_database(login) as url:
        database = Database(url)
        assert migrate(database) == migrations.head()
        name = urlsplit(login).username
        with pytest.raises(WrongSettingError, match=f"`GRANT {WORKER} TO {name};`"):
            migrations.require_role(url, WORKER)
        with psycopg.connect(POSTGRES, autocommit=True) as admin:
            admin.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(WORKER), sql.Identifier(name or "")))
        migrations.require_role(url, WORKER)
        database.dispose()


@contextmanager
def owned_database(login: str) -> Iterator[str]:
    """The URL of an empty database that belongs to the login."""
    name, owner = f"hardware_orders_test_{uuid.uuid4().hex[:12]}", urlsplit(login).username or ""
    with backends._made(name, "template1"):
        with psycopg.connect(POSTGRES, autocommit=True) as admin:
            owned = sql.SQL("ALTER DATABASE {} OWNER TO {}")
            admin.execute(owned.format(sql.Identifier(name), sql.Identifier(owner)))
        yield urlsplit(login)._replace(path=f"/{name}").geturl()


@pytest.fixture
def role(postgres: Postgres) -> Iterator[str]:
    """The name of a role that is not there yet."""
    assert postgres
    name = f"hardware_orders_test_{uuid.uuid4().hex[:12]}"
    yield name
    with psycopg.connect(POSTGRES, autocommit=True) as admin:
        admin.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(name)))


def test_a_login_that_may_make_roles_makes_them_and_can_take_them_on(role: str) -> None:
    with own_postgres.login(POSTGRES, roles=(), attributes="CREATEROLE") as login:
        database = Database(login)
        for _ in range(2):
            with database.write() as connection:
                roles.ensure(connection, [role])
        with database.write() as connection:
            connection.execute(select(func.set_config("role", role, True)))
            assert connection.execute(select(func.current_user())).scalar_one() == role
        database.dispose()


def test_a_login_that_may_not_make_a_missing_role_is_told_who_has_to_run_what(role: str) -> None:
    with own_postgres.login(POSTGRES, roles=()) as login:
        database = Database(login)
        wanted = f"`CREATE ROLE {role} NOLOGIN; GRANT {role} TO {urlsplit(login).username};`"
        with pytest.raises(WrongSettingError, match=wanted) as told, database.write() as connection:
            roles.ensure(connection, [CALLER, role])
        assert "\n" not in str(told.value)
        database.dispose()


@pytest.mark.parametrize("is_first_kept", [True, False])
def test_two_databases_that_migrate_at_once_make_a_role_once(
    postgres: Postgres, role: str, *, is_first_kept: bool
) -> None:
    with postgres.clone() as url, postgres.clone() as other_url:
        first, second = Database(url), Database(other_url, lock_ms=30_000)
        open_here = first.engine.connect()
        opened = open_here.begin()
        roles.ensure(open_here, [role])
        made = threading.Thread(target=lambda: ensured(second, role))
        made.start()
        eventually(lambda: waiting(other_url))
        (opened.commit if is_first_kept else opened.rollback)()
        made.join()
        with second.read() as connection:
            assert connection.execute(select(func.to_regrole(role))).scalar_one() is not None
        open_here.close()
        for database in (first, second):
            database.dispose()


def ensured(database: Database, role: str) -> None:
    with database.write() as connection:
        roles.ensure(connection, [role])


def waiting(url: str) -> bool:
    asked = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(asked).fetchone() is not None
