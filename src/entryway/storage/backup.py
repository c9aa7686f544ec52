"""One database as lines of JSON, the same for SQLite and PostgreSQL; what is sealed stays sealed.

The first line names the service and its revision; then come, for each table, a line with its name and one line a row.
"""

from __future__ import annotations

import base64
import json
from datetime import datetime
from typing import IO, TYPE_CHECKING, Any, Protocol

from sqlalchemy import DateTime, LargeBinary, func, insert, select, text
from sqlalchemy.types import TypeDecorator

from entryway.errors import ConfigurationError, Conflict
from entryway.storage.columns import Moment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Column, Connection, Table
    from sqlalchemy.ext.asyncio import AsyncConnection

    from entryway.storage.database import Database
    from entryway.storage.schema import Schema

FORMAT = 1
_ROWS = 1000


class Writable(Protocol):
    """Where a backup goes."""

    def write(self, data: bytes, /) -> Any:
        """Take some of it."""
        ...


class BackupUnusable(ConfigurationError):
    """The file is no backup, or one that this version cannot restore."""

    code = "backup_unusable"
    title = "The backup cannot be restored"


class DatabaseNotEmpty(Conflict):
    """There is something already where a backup is to be restored."""

    code = "database_not_empty"
    title = "The database is not empty"


async def dump(database: Database, schema: Schema, out: Writable) -> int:
    """Write everything that a database holds as of one moment; return how many rows."""
    count = 0
    async with database.engine.connect() as connection:
        if not database.is_sqlite:
            await connection.execution_options(isolation_level="REPEATABLE READ")
        else:
            # Whatever others write from now on, this transaction sees the database as it is now.
            await connection.execute(text("BEGIN"))
        revision = (await connection.execute(text("SELECT version_num FROM alembic_version"))).scalar()
        if revision != schema.head:
            raise BackupUnusable(f"the database of {schema.service} has the revision {revision}; migrate it first")
        _write(out, {"format": FORMAT, "service": schema.service, "revision": revision})
        for table in schema.metadata.sorted_tables:
            _write(out, {"table": table.name, "columns": [column.name for column in table.columns]})
            count += await _dump_table(connection, table, out)
    return count


async def restore(database: Database, schema: Schema, lines: IO[bytes], *, force: bool) -> int:
    """Fill a database from a backup: one that is empty, or is emptied because of `force`; return how many rows."""
    head = _line(next(iter(lines), b""))
    if head.get("format") != FORMAT or head.get("service") != schema.service:
        raise BackupUnusable(f"this is no backup of {schema.service}")
    if head.get("revision") != schema.head:
        raise BackupUnusable(
            f"the backup of {schema.service} has the revision {head.get('revision')}, this version {schema.head}: "
            "restore it with the version that made it, and let this one migrate it"
        )
    await database.migrate(schema)
    async with database.engine.begin() as connection:
        if not await connection.run_sync(_is_empty, schema):
            if not force:
                raise DatabaseNotEmpty(f"the database of {schema.service} holds something already; --force replaces it")
            await connection.run_sync(_empty, schema)
        try:
            return await _load(connection, schema, lines)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            # The transaction is undone by it.
            raise BackupUnusable(f"the backup of {schema.service} has a line that is none of its own") from error


async def _dump_table(connection: AsyncConnection, table: Table, out: Writable) -> int:
    count = 0
    async with connection.stream(select(*table.columns).order_by(*table.primary_key.columns)) as rows:
        async for row in rows:
            _write(out, [_encoded(value) for value in row])
            count += 1
    return count


async def _load(connection: AsyncConnection, schema: Schema, lines: IO[bytes]) -> int:
    if connection.dialect.name == "sqlite":
        await connection.execute(text("PRAGMA defer_foreign_keys=ON"))
    count, table, columns = 0, None, list[Any]()
    waiting: list[dict[str, Any]] = []
    for raw in lines:
        line = json.loads(raw)
        if isinstance(line, dict):
            await _insert(connection, table, waiting)
            table = schema.metadata.tables[line["table"]]
            columns = [table.columns[name] for name in line["columns"]]
            continue
        waiting.append({column.name: _decoded(column, value) for column, value in zip(columns, line, strict=True)})
        count += 1
        if len(waiting) >= _ROWS:
            await _insert(connection, table, waiting)
    await _insert(connection, table, waiting)
    if connection.dialect.name == "postgresql":
        for column in _counted(schema):
            await connection.execute(_next_value(column))
    return count


async def _insert(connection: AsyncConnection, table: Table | None, rows: list[dict[str, Any]]) -> None:
    if table is not None and rows:
        await connection.execute(insert(table), rows)
        rows.clear()


def _is_empty(connection: Connection, schema: Schema) -> bool:
    return all(connection.execute(select(table).limit(1)).first() is None for table in schema.metadata.sorted_tables)


def _empty(connection: Connection, schema: Schema) -> None:
    """Make the tables anew: rows of the audit trail cannot be deleted."""
    from entryway.storage.append_only import protect  # noqa: PLC0415 - of no use to a backup

    schema.metadata.drop_all(connection)
    schema.metadata.create_all(connection)
    protect(connection)


def _counted(schema: Schema) -> Iterator[Column[Any]]:
    for table in schema.metadata.sorted_tables:
        if table.autoincrement_column is not None:
            yield table.autoincrement_column


def _next_value(column: Column[Any]) -> Any:
    # Rows came with their numbers; the sequence must go on after the highest.
    sequence = func.pg_get_serial_sequence(column.table.name, column.name)
    return select(func.setval(sequence, func.coalesce(func.max(column), 0) + 1, text("false")))


def _encoded(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value.isoformat() if isinstance(value, datetime) else value


def _decoded(column: Column[Any], value: Any) -> Any:
    if value is None:
        return None
    kind = column.type.impl if isinstance(column.type, TypeDecorator) else column.type
    if isinstance(kind, LargeBinary):
        return base64.b64decode(value)
    return datetime.fromisoformat(value) if isinstance(column.type, Moment) or isinstance(kind, DateTime) else value


def _write(out: Writable, line: Any) -> None:
    out.write(json.dumps(line, separators=(",", ":")).encode() + b"\n")


def _line(raw: bytes) -> dict[str, Any]:
    try:
        line = json.loads(raw)
    except ValueError as error:
        raise BackupUnusable("the file does not begin as a backup does") from error
    return line if isinstance(line, dict) else {}
