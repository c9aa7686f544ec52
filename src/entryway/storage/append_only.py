"""What makes the audit trail append-only in the database itself: triggers that refuse everything but inserting."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

from entryway.storage.tables import AUDIT_ENTRIES

if TYPE_CHECKING:
    from sqlalchemy import Connection

_TABLE = AUDIT_ENTRIES.name
_POSTGRESQL = (
    """CREATE OR REPLACE FUNCTION entryway_append_only() RETURNS trigger LANGUAGE plpgsql AS
    $$BEGIN RAISE EXCEPTION 'the audit trail is append-only'; END$$""",
    f"""CREATE OR REPLACE TRIGGER {_TABLE}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {_TABLE}
    FOR EACH STATEMENT EXECUTE FUNCTION entryway_append_only()""",
)
_SQLITE = tuple(
    f"CREATE TRIGGER IF NOT EXISTS {_TABLE}_no_{verb.lower()} BEFORE {verb} ON {_TABLE} "
    "BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END"
    for verb in ("UPDATE", "DELETE")
)
_NAMES = (f"{_TABLE}_no_update", f"{_TABLE}_no_delete")


def protect(connection: Connection) -> None:
    """Refuse changes to the audit trail from now on; doing it again changes nothing."""
    for statement in _SQLITE if connection.dialect.name == "sqlite" else _POSTGRESQL:
        connection.execute(text(statement))


def unprotect(connection: Connection) -> None:
    """Allow changes to the audit trail, until `protect` in the same transaction."""
    if connection.dialect.name == "sqlite":
        for name in _NAMES:
            connection.execute(text(f"DROP TRIGGER IF EXISTS {name}"))
    else:
        connection.execute(text(f"DROP TRIGGER IF EXISTS {_TABLE}_append_only ON {_TABLE}"))
