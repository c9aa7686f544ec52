"""Take over a database that an unreleased version made: one without a revision, or with another baseline.

What it holds is copied into new tables, so that keys and constraints are as they should be. Nothing is dropped: a table
or column that this version does not know, or a value that nobody can make up, refuses the database instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from alembic import command
from sqlalchemy import inspect, text

from entryway.storage.revisions import alembic_config, differences, table_names
from entryway.storage.schema import VERSION_TABLE, Schema, SchemaUnknown

if TYPE_CHECKING:
    from sqlalchemy import Connection, MetaData

_ASIDE = "entryway_old_"


def adopt(connection: Connection, schema: Schema) -> None:
    """Give the database the shape and the revision of this version, or raise SchemaUnknown and change nothing."""
    lacking = differences(connection, schema)
    if lacking and connection.dialect.name != "sqlite":
        raise SchemaUnknown(
            f"the database of {schema.service} was made by an unreleased version, and differs: "
            + ", ".join(sorted({type(one).__name__ for one in lacking}))
        )
    if not lacking:
        command.stamp(alembic_config(connection, schema), "head", purge=True)
        return
    columns = {name: _columns(connection, name) for name in table_names(connection)}
    refused = _obstacles(connection, schema.metadata, columns)
    if refused:
        raise SchemaUnknown(
            f"the database of {schema.service} was made by an unreleased or newer version and cannot be taken over: "
            + "; ".join(refused)
        )
    _copy(connection, schema, columns)


def _columns(connection: Connection, table: str) -> set[str]:
    return {column["name"] for column in inspect(connection).get_columns(table)}


def _obstacles(connection: Connection, metadata: MetaData, columns: dict[str, set[str]]) -> list[str]:
    found = [f"the table {name} is unknown here" for name in sorted(columns) if name not in metadata.tables]
    for name, present in sorted(columns.items()):
        if name not in metadata.tables:
            continue
        wanted = metadata.tables[name].columns
        found += [f"the column {name}.{column} is unknown here" for column in sorted(present - set(wanted.keys()))]
        if connection.execute(text(f'SELECT 1 FROM "{name}" LIMIT 1')).first() is None:  # noqa: S608
            continue
        found += [
            f"the column {name}.{column.name} has no value for what is there"
            for column in wanted
            if column.name not in present and not column.nullable and column.server_default is None
        ]
    return found


def _copy(connection: Connection, schema: Schema, columns: dict[str, set[str]]) -> None:
    """Move the old tables aside, make new ones, and copy row by row what the old ones hold."""
    # A child may be copied before its parent's row is there; all is checked at the end of the transaction.
    connection.execute(text("PRAGMA defer_foreign_keys=ON"))
    order = [table.name for table in schema.metadata.sorted_tables if table.name in columns]
    for name in order:
        for index in inspect(connection).get_indexes(name):
            connection.execute(text(f'DROP INDEX "{index["name"]}"'))
        connection.execute(text(f'ALTER TABLE "{name}" RENAME TO "{_ASIDE}{name}"'))
    connection.execute(text(f"DROP TABLE IF EXISTS {VERSION_TABLE}"))
    command.upgrade(alembic_config(connection, schema), "head")
    for name in order:
        names = ", ".join(f'"{column}"' for column in sorted(columns[name]))
        connection.execute(text(f'INSERT INTO "{name}" ({names}) SELECT {names} FROM "{_ASIDE}{name}"'))  # noqa: S608
    for name in reversed(order):
        connection.execute(text(f'DROP TABLE "{_ASIDE}{name}"'))
