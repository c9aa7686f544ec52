"""What has changed: so that a process can keep in memory what it reads, and still act on what others change.

Every transaction that changes a watched table raises a revision: of one subject of the tenant that the rows are of, or
of everybody where a change reaches further than one tenant. What a process keeps holds for one revision. What it
changes itself it sees at once; what others change it sees within `SEEN_WITHIN`, at the price of one small query per
tenant and second.
"""

from __future__ import annotations

import re
from collections import Counter, OrderedDict
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, event, inspect, select, text

from entryway.storage.moments import seconds_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from collections.abc import Set as AbstractSet

    from sqlalchemy import FromClause, TextClause
    from sqlalchemy.ext.asyncio import AsyncSession
    from sqlalchemy.orm import ORMExecuteState, Session

    from entryway.storage.database import Database
    from entryway.storage.moments import Clock

SEEN_WITHIN = 1.0  # seconds
MOST_REMEMBERED = 20_000
EVERYBODY = ("", "")
_OPTION = "unnoticed"
# Execution options of statements that change nothing which anybody keeps: when somebody logged on, what is long over.
UNNOTICED = {_OPTION: True}
_TENANT = re.compile(r"zid(_\d+)?")

Key = tuple[str, str]
"""A tenant and a subject."""
Revision = tuple[int, ...]
"""Equal to another as long as nothing has changed."""


@dataclass(frozen=True, slots=True)
class Watched:
    """A table whose changes count, for one subject of the row's tenant, or for everybody where that is None.

    Where nothing but `dull` columns changes, nothing has.
    """

    subject: str | None
    dull: AbstractSet[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Reading:
    """The revisions of a tenant as they were read, told apart from others by `number`, and until when they count."""

    number: int
    read_at: float
    until: float
    values: Mapping[Key, int]
    revisions: dict[tuple[str, ...], Revision] = field(default_factory=dict)


class Changes:
    """The revisions of all tenants, as this process knows them."""

    def __init__(self, database: Database, table: FromClause, watched: Mapping[str, Watched], clock: Clock) -> None:
        """`table` has the columns `zid`, `subject` and `value`."""
        self._database = database
        self._watched = watched
        self._seconds = seconds_of(clock)
        self._readings: OrderedDict[str, Reading] = OrderedDict()
        self._numbers = count()
        self._own: Counter[Key] = Counter()
        self._query = select(table.c.zid, table.c.subject, table.c.value).where(
            table.c.zid.in_([bindparam("zid"), EVERYBODY[0]])
        )
        name = table.description
        self._raise = text(
            f"INSERT INTO {name} (zid, subject, value) VALUES (:zid, :subject, 1) "  # noqa: S608 - the name is ours
            f"ON CONFLICT (zid, subject) DO UPDATE SET value = {name}.value + 1"
        )
        database.watch(self)

    def last(self, zid: str) -> Reading | None:
        """Return the last reading of a tenant, None where it must be read anew."""
        reading = self._readings.get(zid)
        # A clock that was set back must not make anything last longer.
        return reading if reading is not None and reading.read_at <= self._seconds() < reading.until else None

    def revision(self, zid: str, reading: Reading, subjects: tuple[str, ...]) -> Revision:
        """Return the revision of some subjects of a tenant."""
        revision = reading.revisions.get(subjects)
        if revision is None:
            keys = (EVERYBODY, *((zid, subject) for subject in subjects))
            # What this process did counts by itself: a value that was read meanwhile may be older.
            revision = tuple(number for key in keys for number in (reading.values.get(key, 0), self._own[key]))
            reading.revisions[subjects] = revision
        return revision

    async def read(self, zid: str) -> None:
        """Read how far a tenant is."""
        now = self._seconds()
        async with self._database.read() as session:
            rows = (await session.execute(self._query, {"zid": zid})).all()
        values = {(of, subject): value for of, subject, value in rows}
        self._readings[zid] = Reading(next(self._numbers), now, now + SEEN_WITHIN, values)
        while len(self._readings) > MOST_REMEMBERED:
            self._readings.popitem(last=False)

    # -- what the database calls --------------------------------------------------------------------------------

    @contextmanager
    def watching(self, session: AsyncSession) -> Iterator[Noticed]:
        """Notice what a transaction changes, and forget in this process whatever is older than its end."""
        noticed = Noticed(self._watched, self._raise)
        event.listen(session.sync_session, "before_flush", noticed.before_flush)
        event.listen(session.sync_session, "do_orm_execute", noticed.do_orm_execute)
        try:
            yield noticed
        finally:
            # Also where the end is not known: a transaction may have been committed, and the answer lost.
            self._own.update(noticed.keys)
            for zid, _ in noticed.keys - {EVERYBODY}:
                self._readings.pop(zid, None)
            if EVERYBODY in noticed.keys:
                self._readings.clear()


class Noticed:
    """What one transaction has changed."""

    def __init__(self, watched: Mapping[str, Watched], raise_one: TextClause) -> None:
        self._watched = watched
        self._raise = raise_one
        self.keys: set[Key] = set()

    async def tell(self, session: AsyncSession) -> None:
        """Raise the revisions, last of all: their rows stay locked until the transaction ends."""
        await session.flush()
        # In one order, so that no two transactions wait for each other.
        for zid, subject in sorted(self.keys):
            await session.execute(self._raise, {"zid": zid, "subject": subject})

    def before_flush(self, session: Session, context: object, instances: object) -> None:
        del context, instances
        changed = [(row, frozenset[str]()) for row in (*session.new, *session.deleted)]
        changed += [(row, _changed_columns(row)) for row in session.dirty if session.is_modified(row)]
        for row, columns in changed:
            watched = self._watched.get(row.__tablename__)
            if watched is not None and not (columns and columns <= watched.dull):
                self.keys.add(EVERYBODY if watched.subject is None else (row.zid, watched.subject))

    def do_orm_execute(self, state: ORMExecuteState) -> None:
        if not (state.is_insert or state.is_update or state.is_delete) or state.execution_options.get(_OPTION):
            return
        statement: Any = state.statement
        watched = self._watched.get(statement.table.name)
        if watched is None:
            return
        tenants = _tenants_of(statement, state.parameters) if watched.subject is not None else ()
        # A statement that does not say whose rows it changes may change anybody's.
        self.keys |= {(zid, watched.subject or "") for zid in tenants} or {EVERYBODY}


def _changed_columns(row: Any) -> frozenset[str]:
    return frozenset(each.key for each in inspect(row).attrs if each.history.has_changes())


def _tenants_of(statement: Any, parameters: Any) -> set[str]:
    """Return the tenants that a statement's values name."""
    if isinstance(parameters, list):
        found = {values.get("zid") for values in parameters}
        # All of them must say it: a row whose tenant is not known may be anybody's.
        return found if all(isinstance(zid, str) for zid in found) else set()
    given = {**(parameters or {}), **statement.compile().params}
    return {value for name, value in given.items() if _TENANT.fullmatch(name) and isinstance(value, str)}
