"""One SQL database: SQLite in a file when embedded, PostgreSQL in production."""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, nullcontext
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

from sqlalchemy import JSON, MetaData, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase

from entryway.errors import ConfigurationError, DatabaseUnavailable
from entryway.storage import tables
from entryway.storage.columns import Moment
from entryway.storage.inline import InlineReads
from entryway.storage.schema import VERSION_TABLE, Outcome, Schema
from entryway.telemetry import get_logger

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from sqlalchemy.engine import URL
    from sqlalchemy.engine.interfaces import DBAPIConnection, Dialect
    from sqlalchemy.pool import ConnectionPoolEntry

    from entryway.storage.changes import Changes

log = get_logger(__name__)

_NAMES = {
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
}


class Table(DeclarativeBase):
    """What a service's tables derive from; each service makes its own subclass with its own metadata.

    class ServiceTable(Table):
        __abstract__ = True
        metadata = table_metadata()
    """

    __abstract__ = True
    metadata = MetaData(naming_convention=_NAMES)
    type_annotation_map: ClassVar[dict[Any, Any]] = {datetime: Moment, list[str]: JSON, dict[str, Any]: JSON}


def table_metadata() -> MetaData:
    """Return metadata with the tables that every service has, and our naming of constraints, which migrations need."""
    metadata = MetaData(naming_convention=_NAMES)
    tables.data_keys(metadata)
    tables.audit_entries(metadata)
    return metadata


class Database:
    """Connections to one database, and the two ways to use them."""

    def __init__(self, url: str) -> None:
        self._url = _parse(url)
        # An error's text goes to the log, and the parameters of a statement may be secrets.
        self.engine: AsyncEngine = create_async_engine(self._url, hide_parameters=True)
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False)
        self._inline: InlineReads | None = None
        self._changes: Changes | None = None
        self.is_sqlite = self._url.get_backend_name() == "sqlite"
        if self.is_sqlite:
            event.listen(self.engine.sync_engine, "connect", _prepare_sqlite)
        else:
            event.listen(self.engine.sync_engine, "do_connect", _connect)

    @property
    def file(self) -> Path | None:
        """The SQLite file; None for PostgreSQL and for a database in memory."""
        if not self.is_sqlite or self._url.database in {None, "", ":memory:"}:
            return None
        return Path(str(self._url.database))

    async def migrate(self, schema: Schema) -> Outcome:
        """Bring the database to the schema of this version; several processes may ask at once."""
        if self.file is not None:
            _make_room(self.file)
        with self.our_errors():
            # Nearly every start finds nothing to do, and is spared from loading Alembic.
            return Outcome.CURRENT if await self.revision() == schema.head else await self._migrate(schema)

    async def create_all(self, metadata: MetaData) -> None:
        """Create the tables that do not exist yet, for tables that have no revisions."""
        if self.file is not None:
            _make_room(self.file)
        with self.our_errors():
            async with self.engine.begin() as connection:
                await connection.run_sync(metadata.create_all)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """Give a session to look things up with; nothing it changes is kept."""
        if self.file is None:
            with _failures_told():
                async with self._sessions() as session:
                    yield session
            return
        if self._inline is None:
            self._inline = InlineReads(self.file)
        with _failures_told(), self._inline.session() as inline:
            yield cast("AsyncSession", inline)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """Give a session whose changes are kept together, or not at all when the block raises."""
        with _failures_told():
            async with self._sessions() as session:
                with nullcontext() if self._changes is None else self._changes.watching(session) as noticed:
                    async with session.begin():
                        if self.is_sqlite:
                            # Without it, SQLite locks at the first write, and what was read may have changed then.
                            await session.execute(text("BEGIN IMMEDIATE"))
                        yield session
                        if noticed is not None:
                            await noticed.tell(session)

    def watch(self, changes: Changes) -> None:
        """Have every transaction say whose data it changes."""
        self._changes = changes

    async def lock(self, session: AsyncSession, *names: str) -> None:
        """Wait until no other transaction holds the lock by this name; it ends with the transaction.

        For whatever reads before it writes. SQLite lets one transaction write at a time anyway.
        """
        if not self.is_sqlite:
            digest = hashlib.sha256("\0".join(names).encode()).digest()
            key = int.from_bytes(digest[:8], signed=True)
            await session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})

    async def close(self) -> None:
        """Close every connection."""
        if self._inline is not None:
            self._inline.close()
        await self.engine.dispose()

    async def revision(self) -> str | None:
        """Return the revision that the database has, None where it has none."""
        try:
            async with self.engine.connect() as connection:
                found = await connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}"))  # noqa: S608
                revision: str | None = found.scalar()
        except ProgrammingError:
            return None
        except OperationalError as error:
            if "no such table" in str(error.orig):
                return None
            raise
        return revision

    async def _migrate(self, schema: Schema) -> Outcome:
        from entryway.storage.migrate import file_lock, migrate  # noqa: PLC0415 - it loads Alembic

        async with AsyncExitStack() as stack:
            if self.file is not None:
                lock = file_lock(self.file)
                await asyncio.to_thread(lock.__enter__)
                stack.push(lock.__exit__)
            connection = await stack.enter_async_context(self.engine.begin())
            if self.is_sqlite:
                await connection.execute(text("BEGIN IMMEDIATE"))
            return await connection.run_sync(migrate, schema)

    @contextmanager
    def our_errors(self) -> Iterator[None]:
        """Name the database, and in our words why it cannot be used."""
        try:
            yield
        except (DBAPIError, OSError, DatabaseUnavailable) as error:
            failed = error.__cause__ if isinstance(error, DatabaseUnavailable) else error
            reason = failed.orig if isinstance(failed, DBAPIError) else failed
            raise ConfigurationError(f"the database {self._url!r} cannot be used: {reason}") from error


def _make_room(file: Path) -> None:
    if file.is_dir():
        raise ConfigurationError(f"the database file {file} is a folder")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        # For its owner alone; SQLite gives the files that it puts beside it the same mode.
        file.touch(mode=0o600, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"the database file {file} cannot be made: {error}") from error


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise ConfigurationError("the database URL cannot be understood") from error
    if parsed.drivername not in {"sqlite+aiosqlite", "postgresql+asyncpg"}:
        raise ConfigurationError(
            f"the database driver {parsed.drivername!r} is not one of sqlite+aiosqlite, postgresql+asyncpg"
        )
    return parsed


@contextmanager
def _failures_told() -> Iterator[None]:
    """Tell what stands in the way of using the database from what it says about values."""
    try:
        yield
    except IntegrityError:
        raise
    except (DBAPIError, PoolTimeout) as error:
        # What does not come from a value may be told: that the disk is full, that nobody listens.
        reason = str(error.orig) if isinstance(error, OperationalError) else ""
        log.warning("database_failed", error=type(error).__name__, reason=reason)
        raise DatabaseUnavailable(type(error).__name__) from error


def _connect(dialect: Dialect, _record: ConnectionPoolEntry, address: Any, options: Any) -> DBAPIConnection:
    """Connect, and say of a server that cannot be reached what is said of one that does not answer."""
    try:
        return dialect.connect(*address, **options)
    except OSError as error:
        raise dialect.loaded_dbapi.OperationalError(f"no connection: {error}") from error


def _prepare_sqlite(connection: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
    del entry
    cursor = connection.cursor()
    for statement in (
        # Readers go on while one writes; a writer waits for its turn instead of failing.
        "PRAGMA journal_mode=WAL",
        "PRAGMA synchronous=NORMAL",
        "PRAGMA busy_timeout=5000",
        "PRAGMA foreign_keys=ON",
    ):
        cursor.execute(statement)
    cursor.close()
