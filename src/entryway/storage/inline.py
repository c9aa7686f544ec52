"""Reads of an SQLite file without a thread between: a look-up takes less time than to ask another thread for it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, event
from sqlalchemy.orm import Session

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Result, ScalarResult
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.pool import ConnectionPoolEntry

# Readers of a file in WAL mode wait for nobody, except for moments after a crash; the event loop waits with them.
_BUSY_MILLISECONDS = 1000


class InlineReads:
    """Connections that only read, for the thread of the event loop."""

    def __init__(self, file: Path) -> None:
        self._engine = create_engine(
            f"sqlite+pysqlite:///{file}",
            hide_parameters=True,
            # Every statement sees what was committed before it, and leaves no transaction behind.
            isolation_level="AUTOCOMMIT",
            pool_reset_on_return=None,
            connect_args={"check_same_thread": False},
        )
        event.listen(self._engine, "connect", _prepare)

    @contextmanager
    def session(self) -> Iterator[InlineSession]:
        """Give a session to look things up with."""
        with Session(self._engine, expire_on_commit=False) as session:
            yield InlineSession(session)

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()


class InlineSession:
    """What readers use of SQLAlchemy's asynchronous session, without the asynchrony."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def execute(self, statement: Any, parameters: Any = None) -> Result[Any]:
        return self._session.execute(statement, parameters)

    async def scalars(self, statement: Any, parameters: Any = None) -> ScalarResult[Any]:
        return self._session.scalars(statement, parameters)

    async def scalar(self, statement: Any, parameters: Any = None) -> Any:
        return self._session.scalar(statement, parameters)

    async def get(self, entity: Any, ident: Any) -> Any:
        return self._session.get(entity, ident)


def _prepare(connection: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
    del entry
    cursor = connection.cursor()
    for statement in (f"PRAGMA busy_timeout={_BUSY_MILLISECONDS}", "PRAGMA query_only=ON"):
        cursor.execute(statement)
    cursor.close()
