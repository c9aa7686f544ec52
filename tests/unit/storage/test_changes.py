"""What a process keeps holds until somebody changes it: which changes count, for whom, and how soon."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import Table as SqlTable
from sqlalchemy import insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from entryway.storage import UNNOTICED, Changes, Database, Remembered, Table, Watched, table_metadata
from entryway.testing.clock import MovableClock


class OfTests(Table):
    __abstract__ = True
    metadata = table_metadata()


class Person(OfTests):
    __tablename__ = "people"
    id: Mapped[int] = mapped_column(primary_key=True)
    zid: Mapped[str]
    name: Mapped[str]
    seen: Mapped[int] = mapped_column(default=0)


class Application(OfTests):
    __tablename__ = "applications"
    id: Mapped[int] = mapped_column(primary_key=True)
    zid: Mapped[str]


class Revision(OfTests):
    __tablename__ = "revisions"
    zid: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[int]


REVISIONS = Revision.__table__
WATCHED = {"people": Watched("people", dull=frozenset({"seen"})), "applications": Watched(None)}


class Process:
    """One process with its memory of names, and how often it had to look."""

    def __init__(self, url: str) -> None:
        assert isinstance(REVISIONS, SqlTable)
        self.database, self.clock, self.looked = Database(url), MovableClock(), 0
        self.names: Remembered[int, str] = Remembered(
            Changes(self.database, REVISIONS, WATCHED, self.clock), ("people",), most=2
        )

    async def name(self, zid: str = "a", number: int = 1) -> str | None:
        return await self.names.get(zid, number, self._load)

    async def _load(self, zid: str, number: int) -> str | None:
        self.looked += 1
        mine = select(Person.name).where(Person.zid == zid, Person.id == number)
        async with self.database.read() as session:
            return (await session.execute(mine)).scalar_one_or_none()

    async def run(self, statement: object, **options: object) -> None:
        async with self.database.transaction() as session:
            await session.execute(statement, **options)  # type: ignore[call-overload]


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[tuple[Process, Process]]:
    url = f"sqlite+aiosqlite:///{tmp_path}/changes.db"
    one, other = Process(url), Process(url)
    await one.database.create_all(OfTests.metadata)
    rows = [{"id": 1, "zid": "a", "name": "Erin"}, {"id": 2, "zid": "b", "name": "Vic"}]
    async with one.database.transaction() as session:
        await session.execute(insert(Person), rows)
    assert [await each.name() for each in (one, other)] == ["Erin", "Erin"]
    yield one, other
    for each in (one, other):
        await each.database.close()


async def test_the_process_that_changes_sees_it_at_once_and_another_within_a_second(
    pair: tuple[Process, Process],
) -> None:
    one, other = pair
    await one.run(update(Person).where(Person.zid == "a", Person.id == 1).values(name="Eve"))
    assert await one.name() == "Eve"
    other.clock.advance(seconds=1)
    assert await other.name() == "Eve"


async def test_what_has_not_changed_is_not_looked_up_again(pair: tuple[Process, Process]) -> None:
    one, _ = pair
    assert await one.name("b", 2) == "Vic"
    looked = one.looked
    await one.run(update(Person).where(Person.zid == "a", Person.id == 1).values(name="Eve"))
    for _ in range(3):
        one.clock.advance(seconds=2)
        assert await one.name("b", 2) == "Vic"
    assert one.looked == looked


@pytest.mark.parametrize("told", [{"zid": "a"}, {}], ids=["with its tenant", "without"])
async def test_rows_that_are_changed_in_bulk_are_noticed(pair: tuple[Process, Process], told: dict[str, str]) -> None:
    one, _ = pair
    async with one.database.transaction() as session:
        await session.execute(update(Person), [{"id": 1, "name": "Eve", **told}])
    assert await one.name() == "Eve"


async def test_a_row_that_is_changed_by_hand_counts_for_its_tenant(pair: tuple[Process, Process]) -> None:
    one, _ = pair
    async with one.database.transaction() as session:
        row = await session.get(Person, 1)
        assert row is not None
        row.name = "Eve"
    assert await one.name() == "Eve"


async def test_dull_columns_and_unnoticed_statements_change_nothing(pair: tuple[Process, Process]) -> None:
    one, _ = pair
    looked = one.looked
    async with one.database.transaction() as session:
        row = await session.get(Person, 1)
        assert row is not None
        row.seen += 1
    await one.run(update(Person).where(Person.zid == "a").values(seen=2), execution_options=UNNOTICED)
    assert await one.name() == "Erin"
    assert one.looked == looked


@pytest.mark.parametrize(
    "statement",
    [update(Person).where(Person.id == 1).values(name="Eve"), insert(Application).values(id=1, zid="c")],
    ids=["no tenant named", "a table of everybody"],
)
async def test_what_may_concern_anybody_concerns_everybody(pair: tuple[Process, Process], statement: object) -> None:
    one, _ = pair
    assert await one.name("b", 2) == "Vic"
    looked = one.looked
    await one.run(statement)
    await one.name("b", 2)
    assert one.looked == looked + 1


async def test_a_clock_that_is_set_back_makes_nothing_last_longer(pair: tuple[Process, Process]) -> None:
    one, other = pair
    await one.run(update(Person).where(Person.zid == "a", Person.id == 1).values(name="Eve"))
    other.clock.advance(hours=-1)
    assert await other.name() == "Eve"


async def test_a_change_that_is_taken_back_changes_nothing(pair: tuple[Process, Process]) -> None:
    one, other = pair

    async def change() -> None:
        async with one.database.transaction() as session:
            await session.execute(update(Person).where(Person.zid == "a").values(name="Eve"))
            raise LookupError

    with pytest.raises(LookupError):
        await change()
    other.clock.advance(seconds=1)
    assert [await each.name() for each in (one, other)] == ["Erin", "Erin"]


async def test_that_there_is_nothing_is_not_kept_and_the_oldest_goes_first(pair: tuple[Process, Process]) -> None:
    one, _ = pair
    assert await one.name("a", 7) is None
    await one.run(insert(Person).values(id=7, zid="a", name="Seven"), execution_options=UNNOTICED)
    assert await one.name("a", 7) == "Seven"
    await one.name("b", 2)
    looked = one.looked
    assert await one.name("a", 1) == "Erin"
    assert one.looked == looked + 1
