"""Bring a database to the schema of this version: created, migrated or adopted; never downgraded."""

from __future__ import annotations

import fcntl
from contextlib import contextmanager
from typing import TYPE_CHECKING

from alembic import command
from sqlalchemy import text

from entryway.storage.adopt import adopt
from entryway.storage.append_only import protect
from entryway.storage.revisions import alembic_config, current, knows, table_names
from entryway.storage.schema import Outcome, Schema, SchemaUnknown
from entryway.telemetry import get_logger

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Connection

log = get_logger("storage")

# Any number does, as long as every process takes the same.
_ADVISORY_LOCK = 0x656E7472797761


def migrate(connection: Connection, schema: Schema) -> Outcome:
    """Bring the database to the newest revision; the caller's transaction keeps all of it or nothing."""
    if connection.dialect.name == "postgresql":
        # Held until the transaction ends; whoever comes second finds the work done.
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
    outcome = _bring_up(connection, schema)
    if outcome != Outcome.CURRENT:
        protect(connection)
        log.info("database_migrated", service=schema.service, outcome=outcome.value, revision=schema.head)
    return outcome


def _bring_up(connection: Connection, schema: Schema) -> Outcome:
    revision = current(connection)
    if revision == schema.head:
        return Outcome.CURRENT
    config = alembic_config(connection, schema)
    if revision is None and not table_names(connection):
        command.upgrade(config, "head")
        return Outcome.CREATED
    if revision is not None and knows(config, revision):
        command.upgrade(config, "head")
        return Outcome.MIGRATED
    if revision is not None and not schema.is_baseline(revision):
        raise SchemaUnknown(
            f"the database of {schema.service} has the revision {revision!r}, which this version does not know: "
            "it was made by a newer version of Entryway, or belongs to another service"
        )
    adopt(connection, schema)
    return Outcome.ADOPTED


@contextmanager
def file_lock(database: Path) -> Iterator[None]:
    """Wait until no other process migrates this SQLite file.

    The lock is on a file beside it: closing the database's own file would drop SQLite's locks of this process.
    """
    with database.with_name(f"{database.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
