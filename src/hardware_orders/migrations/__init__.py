"""The schema's versions, inside the package so that an installed wheel can migrate."""

from pathlib import Path

from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError

from hardware_orders.database import Database, DatabaseRole
from hardware_orders.errors import WrongSettingError

FOLDER = Path(__file__).parent
_FOUND = text("SELECT version_num FROM alembic_version")
_ACTING_AS = select(func.current_user())


def head() -> str:
    """The newest version, by the files' names: the servers need no Alembic, and its memory, to know it."""
    return max(path.name.partition("_")[0] for path in (FOLDER / "versions").glob("[0-9]*.py"))


def found(database: Database) -> str | None:
    """The version of the database's schema; None when it has none."""
    with database.read() as connection:
        is_there = database.engine.dialect.has_table(connection, "alembic_version")
        return connection.execute(_FOUND).scalar_one_or_none() if is_there else None


def require_current(database: Database) -> None:
    """Raise WrongSettingError unless the schema is the one that this version was written for."""
    try:
        schema = found(database)
    except SQLAlchemyError as error:
        raise WrongSettingError(f"The database does not answer: {reason(error)}") from None
    if schema != head():
        raise WrongSettingError(
            f"The database's schema is {schema or 'empty'}, this version needs {head()}: run `hardware-orders migrate`."
        )


def require_role(url: str, role: DatabaseRole) -> None:
    """Raise WrongSettingError unless whoever logs in by this URL can take on the role. SQLite has none to take on."""
    database = Database(url, role=role, connections=1)
    if database.is_sqlite:
        return
    try:
        with database.read() as connection:
            fault = None if connection.execute(_ACTING_AS).scalar_one() == role else "the role was not taken on"
    except SQLAlchemyError as error:
        fault = reason(error)
    finally:
        database.dispose()
    if fault:
        raise WrongSettingError(
            f"The database login cannot act as {role} ({fault}); let an administrator run "
            f"`GRANT {role} TO {database.engine.url.username};` (docs/postgresql.md)."
        )


def reason(error: SQLAlchemyError) -> str:
    return str(getattr(error, "orig", error)).strip().splitlines()[0]
