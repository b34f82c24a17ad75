"""The schema's versions lead to exactly the tables that the code uses, on both databases, and back."""

import json
from typing import Any

import alembic.command
import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import inspect, select

from hardware_orders import identifiers, migrations
from hardware_orders.actor import SERVICE
from hardware_orders.contract.enums import Status
from hardware_orders.database import Database
from hardware_orders.errors import WrongSettingError
from hardware_orders.migrations.upgrade import migrate
from hardware_orders.orders import store
from hardware_orders.orders.commands import Receive
from hardware_orders.orders.decide import Decision, receive
from hardware_orders.orders.events import record
from hardware_orders.orders.status import EventType, Intent
from hardware_orders.tables import metadata, order_events, orders
from tests.orders.samples import an_order


def test_the_versions_make_the_tables_that_the_code_describes(database: Database) -> None:
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_migrating_again_changes_nothing(database: Database) -> None:
    assert migrate(database) == migrations.head()
    migrations.require_current(database)


def test_a_merchants_name_is_found_in_orders_that_were_there_before(database: Database) -> None:
    bodies: list[dict[str, Any]] = [
        {"merchant": {"merchantName": 'Café "%"'}},
        {"merchant": {}},
        {"notes": '"merchant"'},
    ]
    for body in bodies:
        body |= {"orderReference": "R-1", "customerEntityUid": identifiers.new()}
        command = Receive(identifiers.new(), json.dumps(body), body, Intent.SUBMIT, simplified=False, actor=SERVICE)
        with database.write() as connection:
            store.insert_orders(connection, [receive(command, database.now(connection)).order])
    _downgrade(database, "0006")
    migrate(database)
    with database.read() as connection:
        names = connection.execute(select(orders.c.merchant_name).order_by(orders.c.order_id)).scalars().all()
    assert names == ['Café "%"', None, None]


def test_orders_of_the_first_version_are_there_after_all_others(database: Database) -> None:
    before = [an_order(status, order_id=identifiers.new(), version=1) for status in Status]
    before.append(an_order(Status.RECEIVED, Intent.SUBMIT, order_id=identifiers.new(), simplified=True, version=1))
    rows = [record(None, Decision(order, EventType.RECEIVED, order.created))[1] for order in before]
    with database.write() as connection:
        store.insert_orders(connection, before)
        store.insert_events(connection, rows)
        told = connection.execute(select(order_events).order_by(order_events.c.id)).all()
    _downgrade(database, "0001")
    migrate(database)
    with database.write() as connection:
        found = {order.order_id: order for order, _ in store.lock(connection, [order.order_id for order in before])}
        assert found == {order.order_id: order for order in before}
        assert connection.execute(select(order_events).order_by(order_events.c.id)).all() == told


@pytest.mark.parametrize("url", ["postgresql://nobody@127.0.0.1:9/none", "sqlite:////nonexistent/orders.db"])
def test_a_database_that_is_not_there_is_said_in_one_line(url: str) -> None:
    with pytest.raises(
        WrongSettingError, match=r"^The schema was not brought to \d+: .+ run `hardware-orders migrate`"
    ):
        migrate(Database(url, connections=1))


def test_a_process_refuses_a_schema_that_is_not_its_own(database: Database) -> None:
    _downgrade(database, "base")
    with pytest.raises(WrongSettingError, match="run `hardware-orders migrate`"):
        migrations.require_current(database)
    with database.read() as connection:
        assert set(inspect(connection).get_table_names()) <= {"alembic_version"}


def _downgrade(database: Database, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(migrations.FOLDER))
    config.set_main_option("path_separator", "os")
    with database.write() as connection:
        config.attributes["connection"] = connection
        alembic.command.downgrade(config, revision)
