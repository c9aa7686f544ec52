"""A tenant's policy for tokens: how long they last where a descriptor does not say, whether refresh tokens rotate."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from entryway.authserver import tables
from entryway.storage.audit import changed

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from entryway.storage import Database
    from entryway.storage.audit import Audit

OBJECT = "TokenPolicy"
OPAQUE, JWT = "opaque", "jwt"


@dataclass(frozen=True, slots=True)
class TokenPolicy:
    """In seconds; None leaves the default."""

    access_validity: int | None = None
    refresh_validity: int | None = None
    rotates: bool = False
    # What refresh tokens look like: a text without meaning, or a JWT.
    refresh_format: str = OPAQUE


async def policy_of(session: AsyncSession, zid: str) -> TokenPolicy:
    """Return a tenant's policy."""
    row = await session.get(tables.TokenPolicyRow, zid)
    if row is None:
        return TokenPolicy()
    return TokenPolicy(row.access_validity, row.refresh_validity, row.rotates, row.refresh_format)


@dataclass(frozen=True, slots=True)
class TokenPolicies:
    """The policies of all tenants."""

    database: Database
    audit: Audit

    async def get(self, zid: str) -> TokenPolicy:
        """Return a tenant's policy."""
        async with self.database.read() as session:
            return await policy_of(session, zid)

    async def put(self, zid: str, policy: TokenPolicy, *, actor: str) -> None:
        """Change a tenant's policy; tokens that were issued keep their times."""
        async with self.database.transaction() as session:
            before = await policy_of(session, zid)
            await session.merge(tables.TokenPolicyRow(zid=zid, **asdict(policy)))
            await self.audit.record(
                session, changed("UPDATE", zid, OBJECT, zid, actor=actor, old=asdict(before), new=asdict(policy))
            )
