"""Brings a database to the newest version of the schema."""

from alembic import command
from alembic.config import Config

from hardware_orders import migrations
from hardware_orders.database import Database


def migrate(database: Database) -> str:
    """Bring the schema to this version's; returns its revision. Safe to run again, and by several at once."""
    config = Config()
    config.set_main_option("script_location", str(migrations.FOLDER))
    config.set_main_option("path_separator", "os")
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return migrations.head()
