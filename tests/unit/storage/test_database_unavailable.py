"""A database that is away or full is told of as such, and never as a fault of ours."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from entryway.errors import ConfigurationError, DatabaseUnavailable
from entryway.storage import Database


@pytest.mark.parametrize(
    "url", ["postgresql+asyncpg://nobody@/none?host={folder}", "sqlite+aiosqlite:///{folder}/nowhere/some.db"]
)
async def test_a_database_that_is_not_there(tmp_path: Path, url: str) -> None:
    before = set(threading.enumerate())
    database = Database(url.format(folder=tmp_path))
    with pytest.raises(DatabaseUnavailable):
        async with database.read() as session:
            await session.execute(text("SELECT 1"))
    with pytest.raises(DatabaseUnavailable):
        async with database.transaction() as session:
            await session.execute(text("SELECT 1"))
    # A command says which one, and what stands in the way.
    with (
        pytest.raises(ConfigurationError, match=r"cannot be used: (unable to open|no connection)"),
        database.our_errors(),
    ):
        async with database.read() as session:
            await session.execute(text("SELECT 1"))
    await database.close()
    # The thread of a connection that failed still tells this loop that it ends.
    for thread in set(threading.enumerate()) - before:
        if "_connection_worker_thread" in thread.name:
            thread.join()


async def test_a_database_that_cannot_be_written(tmp_path: Path) -> None:
    file = tmp_path / "some.db"
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE things (name TEXT PRIMARY KEY)")
    connection.close()
    database = Database(f"sqlite+aiosqlite:///{file}")
    async with database.transaction() as session:
        # As if the disk had no more room.
        pages = (await session.execute(text("PRAGMA page_count"))).scalar_one()
        await session.execute(text(f"PRAGMA max_page_count = {pages}"))
    with pytest.raises(DatabaseUnavailable):
        async with database.transaction() as session:
            await session.execute(text("INSERT INTO things VALUES (:name)"), {"name": "x" * 100_000})
    async with database.transaction() as session:
        await session.execute(text("PRAGMA max_page_count = 1000"))
        await session.execute(text("INSERT INTO things VALUES ('a')"))
    # What is wrong with a value is another matter.
    with pytest.raises(IntegrityError):
        async with database.transaction() as session:
            await session.execute(text("INSERT INTO things VALUES ('a')"))
    await database.close()
