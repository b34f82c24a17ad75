"""Many rows in one statement: on PostgreSQL a batch is one parameter, one plan and one round trip, whatever its size.

Row by row, client and server spent more on the protocol than on the rows (docs/adr/0010). SQLite runs in this process
and has no round trips to save.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

import orjson
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Table,
    TextClause,
    bindparam,
    delete,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import NullType

_POSTGRESQL = postgresql.dialect()  # type: ignore[no-untyped-call]


class is_one_of(FunctionElement[Any]):  # noqa: N801  # reads as SQL does
    """`is_one_of(column, bindparam("ids"))`: a condition whose text is the same for any number of ids.

    The parameter is `ids(...)`. A list of parameters is another statement for each length, parsed and planned anew.
    """

    type = NullType()  # SQLite would write "= 1" behind a Boolean, and not use the index
    inherit_cache = True


@compiles(is_one_of, "postgresql")
def _any(element: is_one_of, compiler: SQLCompiler, **options: Any) -> str:
    column, wanted = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{column} = ANY (ARRAY(SELECT CAST(value AS uuid) FROM json_array_elements_text(CAST({wanted} AS json))))"  # noqa: S608  # SQLAlchemy rendered both parts


@compiles(is_one_of, "sqlite")
def _in(element: is_one_of, compiler: SQLCompiler, **options: Any) -> str:
    column, wanted = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({wanted}))"  # noqa: S608


def ids(wanted: Collection[str]) -> dict[str, str]:
    """The parameters of a statement with `is_one_of(…, bindparam("ids"))`."""
    return {"ids": orjson.dumps(list(wanted)).decode()}


def insert_rows(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that all have the same columns, in their order. Raises what SQLAlchemy raises."""
    if not rows:
        return
    if connection.dialect.name == "postgresql":
        connection.execute(_insert(table, tuple(rows[0])), _parameter(rows))
    else:
        connection.execute(insert(table), list(rows))


def update_rows(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Update rows that all have the same columns, by the primary key alone; a key that is absent changes nothing.

    A further condition would invite a worse plan: the rows are locked already (docs/adr/0002).
    """
    if not rows:
        return
    if connection.dialect.name == "postgresql":
        connection.execute(_update(table, tuple(rows[0])), _parameter(rows))
    else:
        key = _key(table)
        changes: dict[str, Any] = {name: bindparam(name) for name in rows[0] if name != key}
        statement = update(table).where(table.c[key] == bindparam("_key")).values(changes)
        connection.execute(statement, [{**row, "_key": row[key]} for row in rows])


def delete_oldest(
    connection: Connection, instant: Column[Any], until: datetime, most: int, *conditions: ColumnElement[bool]
) -> int:
    """Delete at most so many rows of the column's table, the oldest first, up to this instant; returns how many.

    The table has a primary key of one column, and an index that begins with `instant`.
    """
    table = instant.table
    key = table.c[_key(table)]
    chosen = select(key).where(instant <= until, *conditions).order_by(instant).limit(most)
    return connection.execute(delete(table).where(key.in_(chosen))).rowcount


def _parameter(rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    return {"rows": orjson.dumps(rows).decode()}


def _key(table: Table) -> str:
    (key,) = table.primary_key.columns
    return key.name


@cache
def _insert(table: Table, names: tuple[str, ...]) -> TextClause:
    columns = ", ".join(names)
    return text(f"INSERT INTO {table.name} ({columns}) SELECT {columns} FROM {_recordset(table, names)}")  # noqa: S608  # names of our own tables


@cache
def _update(table: Table, names: tuple[str, ...]) -> TextClause:
    key = _key(table)
    changes = ", ".join(f"{name} = r.{name}" for name in names if name != key)
    return text(f"UPDATE {table.name} SET {changes} FROM {_recordset(table, names)} WHERE {table.name}.{key} = r.{key}")  # noqa: S608


def _recordset(table: Table, names: tuple[str, ...]) -> str:
    types = ", ".join(f"{name} {table.c[name].type.compile(dialect=_POSTGRESQL)}" for name in names)
    return f"json_to_recordset(CAST(:rows AS json)) AS r({types})"
