import asyncio
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import ForeignKey, select
from sqlalchemy.exc import IntegrityError, StatementError
from sqlalchemy.orm import Mapped, mapped_column

from entryway.errors import ConfigurationError
from entryway.storage import Database, Moment, Table, table_metadata


class Local(Table):
    __abstract__ = True
    metadata = table_metadata()


class Parent(Local):
    __tablename__ = "parents"
    name: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(Moment)


class Child(Local):
    __tablename__ = "children"
    name: Mapped[str] = mapped_column(primary_key=True)
    parent: Mapped[str] = mapped_column(ForeignKey("parents.name", ondelete="CASCADE"))


@pytest.fixture
async def database(tmp_path: Path):
    made = Database(f"sqlite+aiosqlite:///{tmp_path}/new/folder/some.db")
    await made.create_all(Local.metadata)
    yield made
    await made.close()


async def test_a_moment_comes_back_in_utc(database: Database) -> None:
    there = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=timezone(timedelta(hours=5)))
    async with database.transaction() as session:
        session.add(Parent(name="a", at=there))
    async with database.read() as session:
        found = (await session.execute(select(Parent.at))).scalar_one()
    assert found == there
    assert found.tzinfo is UTC


async def test_a_moment_without_a_time_zone_is_refused(database: Database) -> None:
    with pytest.raises(StatementError, match="time zone"):
        async with database.transaction() as session:
            session.add(Parent(name="a", at=datetime(2026, 1, 2)))  # noqa: DTZ001 - that is what must be refused


async def test_a_failed_transaction_leaves_nothing_behind(database: Database) -> None:
    with pytest.raises(RuntimeError):  # noqa: PT012 - the block is what fails
        async with database.transaction() as session:
            session.add(Parent(name="a", at=datetime.now(UTC)))
            await session.flush()
            raise RuntimeError
    async with database.read() as session:
        assert (await session.execute(select(Parent.name))).scalars().all() == []


async def test_foreign_keys_hold_on_sqlite(database: Database) -> None:
    with pytest.raises(IntegrityError):
        async with database.transaction() as session:
            session.add(Child(name="c", parent="nobody"))


async def test_creating_the_tables_twice_does_no_harm(database: Database) -> None:
    await database.create_all(Local.metadata)


@pytest.mark.parametrize("url", ["", "nonsense", "mysql://x/y", "sqlite:///blocking.db"])
def test_a_database_that_cannot_be_used_is_a_configuration_error(url: str) -> None:
    with pytest.raises(ConfigurationError):
        Database(url)


async def test_the_file_is_for_its_owner_alone(database: Database, tmp_path: Path) -> None:
    async with database.transaction() as session:
        session.add(Parent(name="a", at=datetime.now(UTC)))
    modes = {file.name: file.stat().st_mode & 0o777 for file in (tmp_path / "new" / "folder").iterdir()}
    assert set(modes) >= {"some.db", "some.db-wal"}
    assert set(modes.values()) == {0o600}


async def test_what_is_read_in_a_transaction_cannot_change_before_it_writes(database: Database) -> None:
    async def add_if_missing() -> None:
        async with database.transaction() as session:
            if (await session.execute(select(Parent.name))).first() is None:
                session.add(Parent(name="only", at=datetime.now(UTC)))

    await asyncio.gather(*(add_if_missing() for _ in range(5)))
    async with database.read() as session:
        assert (await session.execute(select(Parent.name))).scalars().all() == ["only"]


async def test_an_error_does_not_say_what_was_written(database: Database) -> None:
    with pytest.raises(IntegrityError) as failed:
        async with database.transaction() as session:
            session.add(Child(name="hush-hush", parent="nobody"))
    assert "hush-hush" not in str(failed.value)


async def test_a_file_in_a_folder_that_cannot_be_made_is_a_configuration_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/file/some.db")
    with pytest.raises(ConfigurationError):
        await database.create_all(Local.metadata)


async def test_an_unusable_file_is_a_configuration_error(tmp_path: Path) -> None:
    (tmp_path / "some.db").mkdir()
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/some.db")
    with pytest.raises(ConfigurationError):
        await database.create_all(Local.metadata)
    await database.close()
