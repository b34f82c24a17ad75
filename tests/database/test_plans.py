"""PostgreSQL finds rows by an index, one after the other, whatever its statistics say when a statement is planned."""

from typing import Any

import pytest
from sqlalchemy import event, text

from hardware_orders.database import Database
from hardware_orders.delivery import log, numbering
from tests.backends import Postgres
from tests.database.test_locks import accepted, settle

WHOLE_TABLE = ("Seq Scan on order", "Hash Join", "Merge Join", "Bitmap")


@pytest.mark.parametrize("count", [0, 60], ids=["empty tables", "small tables"])
def test_no_statement_of_an_orders_path_reads_a_table_whole(postgres: Postgres, count: int) -> None:
    with postgres.clone() as url:
        database = Database(url)
        settle(database, accepted(database, count))
        with database.write() as connection:
            connection.execute(text("ANALYZE"))
        plans: dict[str, str] = {}

        @event.listens_for(database.engine, "before_cursor_execute")
        def explain(*about: Any) -> None:
            _, cursor, statement, parameters, *_ = about
            if statement.startswith(("SELECT", "UPDATE", "INSERT")) and statement not in plans:
                cursor.execute(f"EXPLAIN {statement}", parameters)
                plans[statement] = "\n".join(row[0] for row in cursor.fetchall())

        settle(database, accepted(database, 30), swept=True)
        numbering.number(database)
        with database.read() as connection:
            assert len(log.after(connection, 0, 10)) == 10
        database.dispose()
    assert len(plans) > 8
    for statement, plan in plans.items():
        assert not [word for word in WHOLE_TABLE if word in plan], f"{statement}\n\n{plan}"
