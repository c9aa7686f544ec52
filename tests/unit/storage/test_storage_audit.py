from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from entryway.connectivity.schema import SCHEMA
from entryway.errors import DatabaseUnavailable
from entryway.storage import Database, audit
from entryway.storage.audit import Audit, changed, happened
from entryway.storage.digests import Digests
from entryway.testing.databases import DatabaseUrl, FixedKeyring

NOW = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
DIGESTS = Digests(FixedKeyring(b"k" * 32), "connectivity")


@pytest.fixture
async def database(tmp_path: Path, database_url: DatabaseUrl):
    made = Database(database_url(tmp_path, "connectivity"))
    await made.migrate(SCHEMA)
    yield made
    await made.close()


@pytest.fixture
def trail(database: Database) -> Audit:
    return Audit(database, DIGESTS, lambda: NOW)


async def record(database: Database, trail: Audit, *names: str) -> None:
    async with database.transaction() as session:
        await trail.record(session, *(changed("CREATE", "z1", "xsrole", name, actor="erin") for name in names))


async def tamper(database: Database, statement: str) -> None:
    names = ("no_update", "no_delete") if database.is_sqlite else ("append_only",)
    async with database.engine.begin() as connection:
        for name in names:
            on = "" if database.is_sqlite else " ON audit_entries"
            await connection.execute(text(f"DROP TRIGGER audit_entries_{name}{on}"))
        await connection.execute(text(statement))


async def test_a_change_is_told_with_what_was_and_is(database: Database, trail: Audit) -> None:
    async with database.transaction() as session:
        await trail.record(
            session,
            changed("UPDATE", "z1", "IdentityProvider", "corp", actor="erin", old={"on": True}, new={"on": False}),
        )
    (entry,) = await audit.entries(database)
    assert (entry["number"], entry["at"], entry["zid"], entry["actor"]) == (1, NOW, "z1", "erin")
    assert (entry["category"], entry["event"]) == ("audit.configuration", "UPDATE")
    assert (entry["object_type"], entry["object_id"]) == ("IdentityProvider", "corp")
    assert entry["details"] == {"old": {"on": True}, "new": {"on": False}}
    assert (await audit.verify(database, DIGESTS)).broken_at is None


async def test_secrets_are_not_told(database: Database, trail: Audit) -> None:
    new = {
        "relying-party-secret": "s3cr3t",
        "settings": [{"bind_password": "s3cr3t", "user": "u"}],
        "expirePassword": 3,
    }
    async with database.transaction() as session:
        await trail.record(session, changed("CREATE", "z1", "IdentityProvider", "corp", new=new))
    (entry,) = await audit.entries(database)
    assert entry["details"]["new"] == {
        "relying-party-secret": "(secret)",
        "settings": [{"bind_password": "(secret)", "user": "u"}],
        "expirePassword": 3,
    }


async def test_a_change_that_fails_is_not_told(database: Database, trail: Audit) -> None:
    with pytest.raises(RuntimeError):  # noqa: PT012 - the block is what fails
        async with database.transaction() as session:
            await trail.record(session, changed("CREATE", "z1", "xsrole", "a"))
            raise RuntimeError
    assert await audit.entries(database) == []


async def test_what_happens_often_becomes_one_entry(database: Database, trail: Audit) -> None:
    for _ in range(3):
        trail.note(happened("ClientAuthenticationFailure", "z1", "client", "sb-a!t1"))
    trail.note(happened("ClientAuthenticationFailure", "z2", "client", "sb-a!t1"))
    await trail.flush()
    await trail.flush()
    first, second = await audit.entries(database)
    assert first["details"] == {"times": 3}
    assert (second["zid"], second["details"]) == ("z2", {})
    assert [entry["number"] for entry in await audit.entries(database, zid="z2")] == [2]


async def test_more_than_can_be_remembered_is_counted(
    database: Database, trail: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "MOST_REMEMBERED", 2)
    for name in ("a", "b", "c", "d"):
        trail.note(happened("UserNotFound", "z1", "user", name))
    await trail.flush()
    assert (await audit.entries(database))[-1]["details"] == {"new": {"count": 2}}


async def test_what_could_not_be_written_is_written_later(database: Database, trail: Audit) -> None:
    trail.note(happened("UserNotFound", "z1", "user", "a"))
    async with database.engine.begin() as connection:
        await connection.execute(text("ALTER TABLE audit_entries RENAME TO elsewhere"))
    with pytest.raises(DatabaseUnavailable):
        await trail.flush()
    async with database.engine.begin() as connection:
        await connection.execute(text("ALTER TABLE elsewhere RENAME TO audit_entries"))
    await trail.flush()
    assert len(await audit.entries(database)) == 1


@pytest.mark.parametrize("statement", ["UPDATE audit_entries SET actor = 'x'", "DELETE FROM audit_entries"])
async def test_the_database_refuses_to_change_an_entry(database: Database, trail: Audit, statement: str) -> None:
    await record(database, trail, "a")
    with pytest.raises(DBAPIError, match="append-only"):
        async with database.engine.begin() as connection:
            await connection.execute(text(statement))


@pytest.mark.parametrize(
    ("statement", "broken_at"),
    [
        ("UPDATE audit_entries SET actor = 'mallory' WHERE number = 2", 2),
        ("UPDATE audit_entries SET at = '2020-01-01' WHERE number = 3", 3),
        ("DELETE FROM audit_entries WHERE number = 2", 2),
        ("DELETE FROM audit_entries WHERE number = 1", 1),
        ("UPDATE audit_entries SET digest = (SELECT digest FROM audit_entries WHERE number = 1) WHERE number = 4", 4),
    ],
)
async def test_who_gets_around_that_breaks_the_chain(
    database: Database, trail: Audit, statement: str, broken_at: int
) -> None:
    await record(database, trail, "a", "b")
    await record(database, trail, "c", "d")
    await tamper(database, statement)
    assert (await audit.verify(database, DIGESTS)).broken_at == broken_at


async def test_the_chain_cannot_be_made_anew_without_the_key(database: Database) -> None:
    await record(database, Audit(database, Digests(FixedKeyring(b"x" * 32), "connectivity"), lambda: NOW), "a")
    assert (await audit.verify(database, DIGESTS)).broken_at == 1


async def test_text_that_a_database_cannot_hold_is_told_without_it(database: Database, trail: Audit) -> None:
    trail.note(happened("UserNotFound", "z1", "user", "a\x00b\ud800"))
    await trail.flush()
    assert (await audit.entries(database))[0]["object_id"] == "ab?"
