"""The schema's versions lead to exactly the tables that the code uses, on both databases, and back."""

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import inspect

from hardware_orders import migrations
from hardware_orders.database import Database
from hardware_orders.errors import WrongSettingError
from hardware_orders.migrations.upgrade import migrate
from hardware_orders.tables import metadata


def test_the_versions_make_the_tables_that_the_code_describes(database: Database) -> None:
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_migrating_again_changes_nothing(database: Database) -> None:
    assert migrate(database) == migrations.head()
    migrations.require_current(database)


def test_a_process_refuses_a_schema_that_is_not_its_own(database: Database) -> None:
    config = Config()
    config.set_main_option("script_location", str(migrations.FOLDER))
    config.set_main_option("path_separator", "os")
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    with pytest.raises(WrongSettingError, match="run `hardware-orders migrate`"):
        migrations.require_current(database)
    with database.read() as connection:
        assert set(inspect(connection).get_table_names()) <= {"alembic_version"}
