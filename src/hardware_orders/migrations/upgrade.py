"""Brings a database to the newest version of the schema."""

from alembic import command
from alembic.config import Config
from sqlalchemy.exc import OperationalError, ProgrammingError

from hardware_orders import migrations
from hardware_orders.database import Database, is_forbidden
from hardware_orders.errors import WrongSettingError


def migrate(database: Database) -> str:
    """Bring the schema to this version's; returns its revision. Safe to run again, and by several at once.

    Raises WrongSettingError when the database is away or locked for long, and when this login may not: whoever does not
    own the tables may only find that nothing is to do.
    """
    config = Config()
    config.set_main_option("script_location", str(migrations.FOLDER))
    config.set_main_option("path_separator", "os")
    try:
        with database.write() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except OperationalError as error:
        raise WrongSettingError(
            f"The schema was not brought to {migrations.head()}: {migrations.reason(error)}. Mend that, and run "
            f"`hardware-orders migrate` again."
        ) from None
    except ProgrammingError as error:
        if not is_forbidden(error):
            raise
        raise WrongSettingError(
            f"The database login {database.engine.url.username} may not bring the schema to {migrations.head()}: run "
            f"`hardware-orders migrate` with the URL of the tables' owner (docs/postgresql.md)."
        ) from None
    return migrations.head()
