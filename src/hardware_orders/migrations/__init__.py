"""The schema's versions, inside the package so that an installed wheel can migrate."""

from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from hardware_orders.database import Database
from hardware_orders.errors import WrongSettingError

FOLDER = Path(__file__).parent
_FOUND = text("SELECT version_num FROM alembic_version")


def head() -> str:
    """The newest version, by the files' names: the servers need no Alembic, and its memory, to know it."""
    return max(path.name.partition("_")[0] for path in (FOLDER / "versions").glob("[0-9]*.py"))


def require_current(database: Database) -> None:
    """Raise WrongSettingError unless the schema is the one that this version was written for."""
    try:
        with database.read() as connection:
            is_there = database.engine.dialect.has_table(connection, "alembic_version")
            found = connection.execute(_FOUND).scalar_one_or_none() if is_there else None
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", error)).strip().splitlines()[0]
        raise WrongSettingError(f"The database does not answer: {reason}") from None
    if found != head():
        raise WrongSettingError(
            f"The database's schema is {found or 'empty'}, this version needs {head()}: run `hardware-orders migrate`."
        )
