"""What has ended before its time: tokens, what users allowed clients, and everything of a user at a client."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, select

from entryway.authserver import tables
from entryway.storage import Remembered

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from entryway.authserver.moments import Clock
    from entryway.storage import Changes, Database

# Of a tenant with more, the database is asked each time.
MOST_OF_A_TENANT = 5_000
MOST_TENANTS = 2_000
# No token lasts longer than descriptors may say for refresh tokens.
LONGEST_LIFETIME = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class _Held:
    """What has ended in a tenant, by name: all of it, or what was issued until a moment."""

    until: Mapping[str, float | None]
    complete: bool


@dataclass(frozen=True)
class Ended:
    """Says what has ended, from memory; a name is a token's `jti`, an authorization's id, or a `pair_of`."""

    database: Database
    clock: Clock
    changes: Changes
    _known: Remembered[str, _Held] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_known", Remembered(self.changes, (tables.ENDED,), MOST_TENANTS))

    async def any_of(self, zid: str, issued_at: float, *names: str) -> bool:
        """Say whether what was issued then, and goes by these names, has ended."""
        held = await self._known.get(zid, "", self._load)
        if held is None or not held.complete:
            async with self.database.read() as session:
                rows = (await session.execute(_BY_NAME, {"zid": zid, "names": names})).all()
            return _over(issued_at, (_seconds(before) for _, before in rows))
        until = held.until
        return bool(until) and _over(issued_at, (until[name] for name in names if name in until))

    @staticmethod
    async def add(
        session: AsyncSession, zid: str, name: str, expires_at: datetime, before: datetime | None = None
    ) -> None:
        """End what goes by a name; `expires_at` is when it would have been over anyway."""
        await session.merge(tables.RevokedToken(zid=zid, jti=name, before=before, expires_at=expires_at))

    async def _load(self, zid: str, key: str) -> _Held:
        del key
        asked = {"zid": zid, "now": self.clock(), "most": MOST_OF_A_TENANT + 1}
        async with self.database.read() as session:
            rows = (await session.execute(_ALL, asked)).all()
        if len(rows) > MOST_OF_A_TENANT:
            return _Held({}, complete=False)
        return _Held({name: _seconds(before) for name, before in rows}, complete=True)


def pair_of(user_id: str, client_id: str) -> str:
    """Return the name under which everything of a user at a client is ended."""
    return f"{user_id}@{client_id}"


def _over(issued_at: float, until: Iterable[float | None]) -> bool:
    return any(before is None or issued_at <= before for before in until)


def _seconds(before: datetime | None) -> float | None:
    return None if before is None else before.timestamp()


_TABLE = tables.RevokedToken
_OF_TENANT = select(_TABLE.jti, _TABLE.before).where(_TABLE.zid == bindparam("zid"))
_ALL = _OF_TENANT.where(_TABLE.expires_at > bindparam("now")).limit(bindparam("most"))
_BY_NAME = _OF_TENANT.where(_TABLE.jti.in_(bindparam("names", expanding=True)))
