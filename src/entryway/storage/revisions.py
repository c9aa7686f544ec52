"""What Alembic is asked: which revision a database has, which there are, and in what a database differs from them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from alembic.autogenerate import produce_migrations
from alembic.config import Config
from alembic.operations import ops
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import DateTime, inspect, text

from entryway.storage.columns import Moment
from entryway.storage.schema import VERSION_TABLE, Schema

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sqlalchemy import Connection

_SCRIPTS = Path(__file__).parent / "migrations"


def alembic_config(connection: Connection, schema: Schema) -> Config:
    """Return what Alembic needs to work on this connection."""
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    config.set_main_option("version_locations", str(schema.revisions))
    config.set_main_option("path_separator", "newline")
    config.attributes.update(connection=connection, metadata=schema.metadata)
    return config


def current(connection: Connection) -> str | None:
    """Return the revision of a database, None where it has none."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found: str | None = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608
    return found


def knows(config: Config, revision: str) -> bool:
    """Say whether this version has such a revision."""
    return any(script.revision == revision for script in ScriptDirectory.from_config(config).walk_revisions())


def table_names(connection: Connection) -> set[str]:
    """Return the tables of a database, without Alembic's own."""
    return set(inspect(connection).get_table_names()) - {VERSION_TABLE}


def differences(connection: Connection, schema: Schema) -> list[ops.MigrateOperation]:
    """Return what would have to be done to a database to give it the shape of the metadata."""
    context = MigrationContext.configure(connection, opts=dict(OPTIONS))
    upgrade = produce_migrations(context, schema.metadata).upgrade_ops
    return list(_single(upgrade.ops if upgrade else ()))


def _single(several: Iterable[ops.MigrateOperation]) -> Iterator[ops.MigrateOperation]:
    for one in several:
        if isinstance(one, ops.OpContainer):
            yield from _single(one.ops)
        else:
            yield one


def _render(kind: str, item: Any, context: Any) -> str | bool:
    del context
    # Revisions outlive our classes: they hold SQLAlchemy's own types.
    return f"sa.{DateTime(timezone=True)!r}" if kind == "type" and isinstance(item, Moment) else False


OPTIONS: dict[str, Any] = {"compare_type": True, "render_item": _render}
