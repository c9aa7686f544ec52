"""Run by Alembic: the connection and the tables are handed in by `entryway.storage.revisions`."""

from __future__ import annotations

from alembic import context

from entryway.storage.revisions import OPTIONS

attributes = context.config.attributes
context.configure(connection=attributes["connection"], target_metadata=attributes["metadata"], **OPTIONS)
with context.begin_transaction():
    context.run_migrations()
