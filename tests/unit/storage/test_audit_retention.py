from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from entryway.connectivity.schema import SCHEMA
from entryway.storage import Database, append_only, audit, audit_retention
from entryway.storage.audit import Audit, changed
from entryway.storage.digests import Digests
from entryway.testing.databases import DatabaseUrl, FixedKeyring

START = datetime(2026, 1, 1, tzinfo=UTC)
DIGESTS = Digests(FixedKeyring(b"k" * 32), "connectivity")


class Trail:
    """A trail with one entry a day, the first of them on the first of January."""

    def __init__(self, database: Database) -> None:
        self.database, self.now = database, START
        self.audit = Audit(database, DIGESTS, lambda: self.now)

    async def days(self, count: int) -> None:
        for _ in range(count):
            async with self.database.transaction() as session:
                await self.audit.record(session, changed("CREATE", "z1", "xsrole", f"{self.now:%m-%d}"))
            self.now += timedelta(days=1)

    async def remove(self, *, older_than_days: int) -> int:
        before = self.now - timedelta(days=older_than_days)
        return await audit_retention.remove_older(self.database, self.audit, before, "erin")

    async def numbers(self) -> list[int]:
        return [row["number"] for row in await audit.entries(self.database)]

    async def tamper(self, statement: str) -> None:
        async with self.database.engine.begin() as connection:
            await connection.run_sync(append_only.unprotect)
            await connection.execute(text(statement))


@pytest.fixture
async def trail(tmp_path: Path, database_url: DatabaseUrl) -> AsyncIterator[Trail]:
    database = Database(database_url(tmp_path, "connectivity"))
    await database.migrate(SCHEMA)
    yield Trail(database)
    await database.close()


async def test_old_entries_go_and_the_rest_still_holds(trail: Trail) -> None:
    await trail.days(10)

    assert await trail.remove(older_than_days=4) == 6

    assert await trail.numbers() == [7, 8, 9, 10, 11]
    verified = await audit.verify(trail.database, DIGESTS)
    assert (verified.broken_at, verified.removed, verified.entries) == (None, 6, 5)
    told = (await audit.entries(trail.database))[-1]
    assert (told["event"], told["actor"], told["details"]["new"]["count"]) == ("EntriesRemoved", "erin", 6)


async def test_it_can_be_done_again_and_again(trail: Trail) -> None:
    await trail.days(5)
    assert await trail.remove(older_than_days=2) == 3
    await trail.days(5)
    # The entry that told of the first removal goes as well.
    assert await trail.remove(older_than_days=1) == 7
    assert await trail.remove(older_than_days=1) == 0

    verified = await audit.verify(trail.database, DIGESTS)

    assert (verified.broken_at, verified.removed) == (None, 10)
    assert await trail.numbers() == [11, 12]


async def test_everything_may_go_but_the_entry_that_tells_so(trail: Trail) -> None:
    await trail.days(3)
    assert await trail.remove(older_than_days=0) == 3
    assert await trail.numbers() == [4]
    assert (await audit.verify(trail.database, DIGESTS)).broken_at is None


async def test_many_go_in_batches(trail: Trail, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_retention, "BATCH", 2)
    await trail.days(6)

    assert await trail.remove(older_than_days=1) == 5

    assert (await audit.verify(trail.database, DIGESTS)).broken_at is None
    assert (await trail.numbers())[0] == 6


@pytest.mark.parametrize(
    "statement",
    [
        # More than the trail tells of.
        "DELETE FROM audit_entries WHERE number <= 5",
        # The entry that tells of it.
        "DELETE FROM audit_entries WHERE number = 7",
        "UPDATE audit_entries SET object_id = '5' WHERE number = 7",
        "UPDATE audit_entries SET details = '{}' WHERE number = 7",
    ],
)
async def test_who_removes_entries_otherwise_breaks_the_chain(trail: Trail, statement: str) -> None:
    await trail.days(6)
    await trail.remove(older_than_days=2)
    await trail.tamper(statement)
    assert (await audit.verify(trail.database, DIGESTS)).broken_at is not None


async def test_the_trail_is_append_only_again_afterwards(trail: Trail) -> None:
    await trail.days(3)
    await trail.remove(older_than_days=1)
    with pytest.raises(DBAPIError, match="append-only"):
        async with trail.database.engine.begin() as connection:
            await connection.execute(text("DELETE FROM audit_entries"))


async def test_a_running_service_does_it_by_itself(trail: Trail, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_retention, "EVERY", timedelta(0))
    await trail.days(3)
    days = [trail.now]

    with pytest.raises(IndexError):  # it asks for the time a second time
        await audit_retention.run(trail.database, trail.audit, days.pop, timedelta(days=1))

    assert await trail.numbers() == [3, 4]
    await audit_retention.run(trail.database, trail.audit, days.pop, None)
