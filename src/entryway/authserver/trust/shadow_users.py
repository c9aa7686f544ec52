"""Users whom an identity provider vouches for: found, taken in at their first logon, and kept up to date."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from entryway.accounts.names import comparable, same_name
from entryway.authserver import tables
from entryway.authserver.trust.errors import ShadowUserMissing
from entryway.authserver.users import login_name
from entryway.federation.identity import has_confirmed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.ext.asyncio import AsyncSession

    from entryway.authserver.moments import Clock
    from entryway.authserver.trust.providers import IdentityProvider
    from entryway.authserver.users import User, Users
    from entryway.federation.identity import Identity
    from entryway.storage import Database

UNKNOWN = "SAML user does not exist. You can correct this by creating a shadow user for the SAML user."


@dataclass(frozen=True, slots=True)
class ShadowUsers:
    """One record per tenant, origin and user name; nobody of another origin is ever matched.

    At each logon everything that the provider said is kept in `tables.UserAttributes` (`groups`, and `values`: every
    attribute with all its values). Role mappings and attributes of roles read it there.
    """

    database: Database
    users: Users
    clock: Clock

    async def log_on(self, provider: IdentityProvider, identity: Identity) -> User:
        """Return the user, new if the trust says so; raise ShadowUserMissing if it does not."""
        zid, origin, now = provider.zid, provider.origin, self.clock()
        async with self.database.transaction() as session:
            await self.database.lock(session, "shadow-users", zid, origin, login_name(identity.user_name))
            row = await self._match(session, zid, origin, identity)
            if row is None:
                if not provider.draft.create_shadow_users:
                    raise ShadowUserMissing(UNKNOWN)
                row = tables.User(
                    id=str(uuid.uuid4()),
                    zid=zid,
                    origin=origin,
                    # Nobody logs in as them with a password: no hash is like this.
                    password_hash="",
                    email="",
                    given_name="",
                    family_name="",
                    created_at=now,
                    last_logon_at=None,
                )
                session.add(row)
            row.user_name, row.login_name = identity.user_name, login_name(identity.user_name)
            # What the provider does not say stays as an administrator wrote it.
            row.email = identity.email or row.email
            row.given_name = identity.given_name or row.given_name
            row.family_name = identity.family_name or row.family_name
            row.updated_at, row.previous_logon_at, row.last_logon_at = now, row.last_logon_at, now
            await session.flush()
            await self._keep_attributes(session, row, identity)
            user_id = row.id
        user = await self.users.find(zid, user_id)
        if user is None:
            raise ShadowUserMissing("the user was deleted while they logged on")
        return user

    async def _match(self, session: AsyncSession, zid: str, origin: str, identity: Identity) -> tables.User | None:
        row = tables.User
        mine = select(row).where(row.zid == zid, row.origin == origin)
        by_name = mine.where(row.login_name == login_name(identity.user_name))
        found: tables.User | None = (await session.execute(by_name)).scalar_one_or_none()
        if found is not None:
            if not same_name(found.user_name, identity.user_name) or await self._is_another_subject(
                session, found, identity
            ):
                raise ShadowUserMissing("another user of the provider has a name that looks the same")
            return found
        if not identity.email or not identity.email_confirmed:
            return None
        # The user is known by their address and has another name now; two with one address are nobody.
        by_email = mine.where(row.email_key == comparable(identity.email)).limit(2)
        candidates = (await session.execute(by_email)).scalars().all()
        if len(candidates) != 1:
            return None
        [user] = candidates
        said = await self._said(session, user)
        return user if same_name(user.email, identity.email) and has_confirmed(said, user.email) else None

    async def _is_another_subject(self, session: AsyncSession, user: tables.User, identity: Identity) -> bool:
        # OpenID Connect Core §2: a subject is one to the letter. Names from other claims and mail addresses are not.
        if identity.user_name != identity.subject or "@" in identity.subject:
            return False
        return (await self._said(session, user)).get("sub", [identity.subject]) != [identity.subject]

    async def _said(self, session: AsyncSession, user: tables.User) -> Mapping[str, list[str]]:
        kept = await session.get(tables.UserAttributes, (user.zid, user.id))
        return kept.values if kept is not None else {}

    async def _keep_attributes(self, session: AsyncSession, user: tables.User, identity: Identity) -> None:
        await session.merge(
            tables.UserAttributes(
                zid=user.zid,
                user_id=user.id,
                groups=list(identity.groups),
                values={name: list(values) for name, values in identity.attributes.items()},
                noted_at=self.clock(),
            )
        )
