"""What users allowed clients: kept from the login to the last refresh, so that it can end all at once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, select, update

from entryway.authserver import tables
from entryway.authserver.authorization import (
    Authorization,
    row_of,
    sealed_form,
    stored_authorization,
    unsealed_authorization,
)
from entryway.authserver.digests import random_text
from entryway.authserver.ended import LONGEST_LIFETIME, pair_of
from entryway.authserver.moments import timestamp
from entryway.authserver.sealed_refresh_tokens import moment
from entryway.oauth.errors import InvalidGrant, InvalidToken, echo
from entryway.oauth.pkce import Challenge

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from entryway.authserver.digests import Digests
    from entryway.authserver.ended import Ended
    from entryway.authserver.moments import Clock
    from entryway.authserver.sealed_refresh_tokens import SealedRefreshTokens
    from entryway.storage import Database

CODE_LIFETIME = timedelta(minutes=5)
# How much longer than a refresh token an access token may last that came of it.
AFTERWARDS = timedelta(days=1)
_CODE = "authorization-code"
_REFRESH = "refresh-token"


class ReusedToken(InvalidToken):
    """A rotated refresh token came a second time (RFC 9700 §4.14.2): nobody can say which of the two is the thief."""

    title = "Invalid refresh token (reused)"


@dataclass(frozen=True, slots=True)
class Code:
    """An authorization code that has just been taken; it is gone."""

    authorization: Authorization
    redirect_uri: str
    redirect_uri_given: bool
    challenge: Challenge | None


class Authorizations:
    """The authorizations of all tenants, with their codes and refresh tokens."""

    def __init__(
        self, database: Database, digests: Digests, sealed: SealedRefreshTokens, ended: Ended, clock: Clock
    ) -> None:
        self._database = database
        self._ended = ended
        self._digests = digests
        self._sealed = sealed
        self._clock = clock

    def seal(self, authorization: Authorization, scopes: AbstractSet[str], signature: str, lifetime: timedelta) -> str:
        """Return a refresh token that holds the authorization itself; nothing is stored."""
        now = self._clock()
        content = sealed_form(authorization, scopes, signature, now, now + lifetime)
        return self._sealed.seal(authorization.zid, content)

    async def issue_code(
        self, authorization: Authorization, redirect_uri: str, challenge: Challenge | None, *, redirect_uri_given: bool
    ) -> str:
        """Store the authorization and return a code for it."""
        code, now = random_text(), self._clock()
        async with self._database.transaction() as session:
            session.add(row_of(authorization, now + CODE_LIFETIME))
            await session.flush()
            session.add(
                tables.AuthorizationCodeRow(
                    digest=self._digests.of(_CODE, authorization.zid, code),
                    zid=authorization.zid,
                    authorization_id=authorization.id,
                    redirect_uri=redirect_uri,
                    redirect_uri_given=redirect_uri_given,
                    challenge=challenge.value if challenge else None,
                    challenge_method=challenge.method if challenge else None,
                    expires_at=now + CODE_LIFETIME,
                    used_at=None,
                )
            )
        return code

    async def take_code(self, zid: str, code: str) -> Code:
        """Return what a code stands for; it works once, and a second use ends everything that the first one gave."""
        now, digest = self._clock(), self._digests.of(_CODE, zid, code)
        table = tables.AuthorizationCodeRow
        refused = InvalidGrant(f"Invalid authorization code: {echo(code)}", "the code is unknown, used or expired")
        async with self._database.transaction() as session:
            mine = (table.digest == digest, table.zid == zid)
            taken = update(table).where(*mine, table.used_at.is_(None)).values(used_at=now).returning(table)
            row = (await session.execute(taken)).scalar_one_or_none()
            if row is None:
                await self._end_replayed(session, digest, zid)
            found = await _find(session, row.authorization_id) if row else None
        # Raised after the transaction, which must be kept: it is what marks the code as used or replayed.
        if row is None or found is None or row.expires_at <= now or found.revoked_at is not None:
            raise refused
        challenge = Challenge(row.challenge, row.challenge_method or "plain") if row.challenge else None
        return Code(stored_authorization(found), row.redirect_uri, row.redirect_uri_given, challenge)

    async def keep(
        self, authorization: Authorization, scopes: AbstractSet[str], signature: str, lifetime: timedelta
    ) -> str:
        """Store what was granted and return a refresh token for it."""
        token, now = random_text(), self._clock()
        expires_at = now + lifetime
        async with self._database.transaction() as session:
            if authorization.stored:
                table = tables.Authorization
                granted = {"granted_scopes": sorted(scopes), "revocation_signature": signature}
                await session.execute(
                    update(table).where(table.id == authorization.id).values(expires_at=expires_at, **granted)
                )
            else:
                row = row_of(authorization, expires_at)
                row.granted_scopes, row.revocation_signature = sorted(scopes), signature
                session.add(row)
                await session.flush()
            session.add(self._refresh_row(authorization, token, expires_at))
        return token

    async def find_refreshable(self, zid: str, refresh_token: str) -> Authorization:
        """Return the authorization of a refresh token that is still good."""
        content = self._sealed.open(zid, refresh_token)
        if content is not None:
            return await self._check_sealed(zid, content)
        asked = {"digest": self._digests.of(_REFRESH, zid, refresh_token), "zid": zid}
        async with self._database.read() as session:
            found = (await session.execute(_OF_REFRESH_TOKEN, asked)).first()
        if found is None:
            raise InvalidToken("Invalid refresh token", "the refresh token is unknown")
        authorization, expires_at, used_at = found
        if expires_at <= self._clock():
            raise InvalidToken("Invalid refresh token (expired)", "the refresh token has expired")
        if authorization.revoked_at is not None:
            raise InvalidToken("Invalid refresh token (revoked)", "the authorization was revoked")
        if used_at is not None:
            await self.revoke(stored_authorization(authorization))
            raise ReusedToken
        return stored_authorization(authorization)

    async def _check_sealed(self, zid: str, content: Mapping[str, Any]) -> Authorization:
        if content["until"] <= timestamp(self._clock):
            raise InvalidToken("Invalid refresh token (expired)", "the refresh token has expired")
        pair = pair_of(content["user"], content["client"])
        if await self._ended.any_of(zid, content["issued"], content["id"], pair):
            raise InvalidToken("Invalid refresh token (revoked)", "the authorization was revoked")
        return unsealed_authorization(zid, content)

    async def rotate(self, authorization: Authorization, refresh_token: str) -> tuple[str, datetime]:
        """Use a refresh token up and return the next one with its end; if somebody was quicker, everything ends."""
        table, zid = tables.RefreshTokenRow, authorization.zid
        token, mine = random_text(), table.digest == self._digests.of(_REFRESH, zid, refresh_token)
        use = update(table).where(mine, table.zid == zid, table.used_at.is_(None)).values(used_at=self._clock())
        async with self._database.transaction() as session:
            expires_at = (await session.execute(use.returning(table.expires_at))).scalar_one_or_none()
            if expires_at is not None:
                session.add(self._refresh_row(authorization, token, expires_at))
        if expires_at is None:
            await self.revoke(authorization)
            raise ReusedToken
        return token, expires_at

    async def find_by_refresh_token(self, zid: str, refresh_token: str) -> Authorization | None:
        """Return the authorization of a refresh token, whatever its state."""
        content = self._sealed.open(zid, refresh_token)
        if content is not None:
            return unsealed_authorization(zid, content)
        table = tables.RefreshTokenRow
        query = (
            select(tables.Authorization)
            .join(table, table.authorization_id == tables.Authorization.id)
            .where(table.digest == self._digests.of(_REFRESH, zid, refresh_token), table.zid == zid)
        )
        async with self._database.read() as session:
            row = (await session.execute(query)).scalar_one_or_none()
        return stored_authorization(row) if row else None

    async def revoke(self, authorization: Authorization) -> None:
        """End an authorization: its refresh tokens are refused, and its access tokens wherever we are asked."""
        async with self._database.transaction() as session:
            until = None if authorization.sealed_until is None else moment(authorization.sealed_until)
            await self._end(session, authorization.zid, authorization.id, until)

    async def _end(self, session: AsyncSession, zid: str, authorization_id: str, until: datetime | None) -> None:
        table = tables.Authorization
        mine = (table.id == authorization_id, table.zid == zid)
        ended = update(table).where(*mine, table.revoked_at.is_(None)).values(revoked_at=self._clock())
        stored_until = (await session.execute(ended.returning(table.expires_at))).scalar_one_or_none()
        last = max(filter(None, (until, stored_until)), default=None)
        if last is not None:
            # What came of it may last longer than it does itself.
            await self._ended.add(session, zid, authorization_id, last + AFTERWARDS)

    def _refresh_row(self, authorization: Authorization, token: str, expires_at: datetime) -> tables.RefreshTokenRow:
        return tables.RefreshTokenRow(
            digest=self._digests.of(_REFRESH, authorization.zid, token),
            zid=authorization.zid,
            authorization_id=authorization.id,
            expires_at=expires_at,
            used_at=None,
        )

    async def _end_replayed(self, session: AsyncSession, digest: bytes, zid: str) -> None:
        # RFC 6749 §4.1.2: a code that comes twice was stolen, and nobody can say which of the two was the thief.
        code = tables.AuthorizationCodeRow
        replayed = select(code.authorization_id).where(
            code.digest == digest, code.zid == zid, code.used_at.is_not(None)
        )
        for authorization_id in (await session.execute(replayed)).scalars().all():
            await self._end(session, zid, authorization_id, self._clock() + LONGEST_LIFETIME)


# Written once: to build a statement takes longer than to run it.
_OF_REFRESH_TOKEN = (
    select(tables.Authorization, tables.RefreshTokenRow.expires_at, tables.RefreshTokenRow.used_at)
    .join(tables.RefreshTokenRow, tables.RefreshTokenRow.authorization_id == tables.Authorization.id)
    .where(
        tables.RefreshTokenRow.digest == bindparam("digest"),
        tables.RefreshTokenRow.zid == bindparam("zid"),
    )
)


async def _find(session: AsyncSession, authorization_id: str) -> tables.Authorization | None:
    query = select(tables.Authorization).where(tables.Authorization.id == authorization_id)
    return (await session.execute(query)).scalar_one_or_none()
