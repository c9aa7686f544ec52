"""Access tokens that the database knows: opaque ones, and signed ones that were ended before their time."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, select

from entryway.authserver import tables
from entryway.authserver.ended import Ended

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from entryway.authserver.digests import Digests
    from entryway.authserver.moments import Clock
    from entryway.storage import Database

_OPAQUE = re.compile(r"[0-9a-f]{32}")
_PURPOSE = "opaque-token"
MOST_LISTED = 500


def is_opaque(token: str) -> bool:
    """Say whether a token has the form of an opaque one: 32 hexadecimal digits."""
    return _OPAQUE.fullmatch(token) is not None


@dataclass(frozen=True, slots=True)
class StoredToken:
    """An opaque token as lists show it: what it is about, and never itself."""

    id: str
    claims: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StoredTokens:
    """The stored tokens of all tenants."""

    database: Database
    digests: Digests
    clock: Clock

    async def keep(self, zid: str, claims: Mapping[str, Any]) -> None:
        """Store a token's claims; its `jti` is the token and is kept as a digest only."""
        token = str(claims["jti"])
        async with self.database.transaction() as session:
            session.add(
                tables.OpaqueTokenRow(
                    digest=self._digest(zid, token),
                    zid=zid,
                    id=secrets.token_hex(16),
                    client_id=claims["cid"],
                    user_id=claims.get("user_id"),
                    claims={name: value for name, value in claims.items() if name != "jti"},
                    expires_at=datetime.fromtimestamp(claims["exp"], UTC),
                )
            )

    async def find(self, zid: str, token: str) -> Mapping[str, Any] | None:
        """Return the claims of an opaque token that has not expired."""
        table = tables.OpaqueTokenRow
        query = select(table).where(table.digest == self._digest(zid, token), table.zid == zid)
        async with self.database.read() as session:
            row = (await session.execute(query)).scalar_one_or_none()
        if row is None or row.expires_at <= self.clock():
            return None
        return {"jti": token, **row.claims}

    async def revoke_opaque(self, zid: str, token: str) -> None:
        """End an opaque token."""
        table = tables.OpaqueTokenRow
        async with self.database.transaction() as session:
            await session.execute(delete(table).where(table.digest == self._digest(zid, token), table.zid == zid))

    async def revoke_signed(self, zid: str, claims: Mapping[str, Any]) -> None:
        """Remember that a signed token has ended, for as long as it would have held."""
        async with self.database.transaction() as session:
            await Ended.add(session, zid, str(claims["jti"]), datetime.fromtimestamp(claims["exp"], UTC))

    async def revoke_listed(self, zid: str, token_id: str) -> bool:
        """End an opaque token by its id in a list; say whether there was one."""
        table = tables.OpaqueTokenRow
        ended = delete(table).where(table.zid == zid, table.id == token_id).returning(table.id)
        async with self.database.transaction() as session:
            return (await session.execute(ended)).scalar_one_or_none() is not None

    async def listed(
        self, zid: str, *, user_id: str | None = None, client_id: str | None = None
    ) -> Sequence[StoredToken]:
        """Return the opaque tokens of a user, of a client, or of a client for a user."""
        table = tables.OpaqueTokenRow
        query = select(table).where(table.zid == zid, table.expires_at > self.clock())
        if user_id is not None:
            query = query.where(table.user_id == user_id)
        if client_id is not None:
            query = query.where(table.client_id == client_id)
        async with self.database.read() as session:
            rows = (await session.execute(query.order_by(table.expires_at).limit(MOST_LISTED))).scalars().all()
        return [StoredToken(row.id, row.claims) for row in rows]

    def _digest(self, zid: str, token: str) -> bytes:
        return self.digests.of(_PURPOSE, zid, token)
