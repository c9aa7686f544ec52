"""What users allowed applications: kept from the login to the last refresh, so that it can end all at once."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select, update

from entryway.idp import tables
from entryway.oauth.errors import InvalidGrant
from entryway.oauth.pkce import Challenge
from entryway.storage.digests import random_text

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from entryway.storage import Database
    from entryway.storage.digests import Digests
    from entryway.storage.moments import Clock

CODE_LIFETIME = timedelta(minutes=2)
_CODE, _REFRESH = "authorization-code", "refresh-token"


@dataclass(frozen=True, slots=True)
class Authorization:
    """A user is logged in to an application; `session_id` is the `sid` of its tokens."""

    id: str
    application_id: str
    user_id: str
    session_id: str | None
    scopes: frozenset[str]
    nonce: str | None
    authenticated_at: datetime
    methods: tuple[str, ...]
    app_tid: str
    # The company's provider that vouched for the user at this login.
    provider_id: str | None = None


@dataclass(frozen=True, slots=True)
class Code:
    """A code that has just been taken; it is gone."""

    authorization: Authorization
    redirect_uri: str
    redirect_uri_given: bool
    challenge: Challenge | None


def new_authorization_id() -> str:
    """Return an id made by chance."""
    return str(uuid.uuid4())


class Authorizations:
    """Authorizations with their codes and refresh tokens."""

    def __init__(self, database: Database, digests: Digests, clock: Clock) -> None:
        self._database = database
        self._digests = digests
        self._clock = clock

    async def issue_code(
        self, authorization: Authorization, redirect_uri: str, challenge: Challenge | None, *, redirect_uri_given: bool
    ) -> str:
        """Store the authorization and return a code for it."""
        code, now = random_text(), self._clock()
        async with self._database.transaction() as session:
            session.add(_row(authorization, now + CODE_LIFETIME))
            await session.flush()
            session.add(
                tables.Code(
                    digest=self._digests.of(_CODE, code),
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

    async def take_code(self, code: str) -> Code:
        """Return what a code stands for; it works once, and a second use ends everything that the first one gave."""
        now, digest, table = self._clock(), self._digests.of(_CODE, code), tables.Code
        async with self._database.transaction() as session:
            taken = update(table).where(table.digest == digest, table.used_at.is_(None)).values(used_at=now)
            row = (await session.execute(taken.returning(table))).scalar_one_or_none()
            if row is None:
                # RFC 6749 §4.1.2: a code that comes twice was stolen, and nobody can say which was the thief.
                replayed = select(table.authorization_id).where(table.digest == digest)
                await _revoke(session, replayed.scalar_subquery(), now)
            found = await _find(session, row.authorization_id) if row else None
        # Raised after the transaction, which must be kept: it is what marks the code as used or replayed.
        if row is None or found is None or row.expires_at <= now or found.revoked_at is not None:
            raise InvalidGrant("Invalid authorization code", "the code is unknown, used or expired")
        challenge = Challenge(row.challenge, row.challenge_method or "plain") if row.challenge else None
        return Code(_authorization(found), row.redirect_uri, row.redirect_uri_given, challenge)

    async def keep(self, authorization: Authorization, lifetime: timedelta, token_lifetime: timedelta) -> str | None:
        """Store the authorization for as long as its tokens may live; return a refresh token if it has a life."""
        now, token = self._clock(), random_text()
        expires_at = now + max(lifetime, token_lifetime)
        async with self._database.transaction() as session:
            row = await _find(session, authorization.id)
            if row is None:
                session.add(_row(authorization, expires_at))
                await session.flush()
            else:
                row.expires_at = max(row.expires_at, expires_at)
            if lifetime <= timedelta():
                return None
            session.add(
                tables.RefreshToken(
                    digest=self._digests.of(_REFRESH, token),
                    authorization_id=authorization.id,
                    expires_at=now + lifetime,
                    used_at=None,
                )
            )
        return token

    async def find_refreshable(self, token: str) -> tuple[Authorization, datetime]:
        """Return the authorization of a refresh token that is still good, and when it ends."""
        table, digest, now = tables.RefreshToken, self._digests.of(_REFRESH, token), self._clock()
        async with self._database.transaction() as session:
            row = (await session.execute(select(table).where(table.digest == digest))).scalar_one_or_none()
            found = await _find(session, row.authorization_id) if row else None
            if row is not None and row.used_at is not None:
                # RFC 9700 §4.14.2: a token that was exchanged for another one is in two hands.
                await _revoke(session, row.authorization_id, now)
        if row is None or found is None or row.used_at is not None:
            raise InvalidGrant("Invalid refresh token", "the refresh token is unknown or was used")
        if row.expires_at <= now or found.revoked_at is not None:
            raise InvalidGrant("Invalid refresh token", "the refresh token has expired or was revoked")
        return _authorization(found), row.expires_at

    async def use_up(self, token: str) -> None:
        """Let a refresh token work no more: its successor has been given out; if another call was faster, all ends."""
        table, digest, now = tables.RefreshToken, self._digests.of(_REFRESH, token), self._clock()
        async with self._database.transaction() as session:
            used = update(table).where(table.digest == digest, table.used_at.is_(None)).values(used_at=now)
            is_first = (await session.execute(used.returning(table.digest))).first() is not None
            if not is_first:
                # RFC 9700 §4.14.2: as if it had come a second time, which it has.
                mine = select(table.authorization_id).where(table.digest == digest)
                await _revoke(session, mine.scalar_subquery(), now)
        # Raised after the transaction, which must be kept.
        if not is_first:
            raise InvalidGrant("Invalid refresh token", "the refresh token was used at the same moment")

    async def holder_of_refresh_token(self, token: str) -> Authorization | None:
        """Return whose refresh token it is, whatever has become of it."""
        table, digest = tables.RefreshToken, self._digests.of(_REFRESH, token)
        query = (
            select(tables.Authorization)
            .join(table, table.authorization_id == tables.Authorization.id)
            .where(table.digest == digest)
        )
        async with self._database.read() as session:
            row = (await session.execute(query)).scalar_one_or_none()
        return _authorization(row) if row else None

    async def find(self, authorization_id: str) -> Authorization | None:
        """Return an authorization whose tokens may still be used."""
        async with self._database.read() as session:
            row = await _find(session, authorization_id)
        return _authorization(row) if row is not None and row.revoked_at is None else None

    async def provider_of(self, session_id: str) -> str | None:
        """Return the company's provider that a session came from, which may be over."""
        table = tables.Authorization
        query = select(table.provider_id).where(table.session_id == session_id).limit(1)
        async with self._database.read() as session:
            return (await session.execute(query)).scalar_one_or_none()

    async def revoke(self, authorization_id: str) -> None:
        """End an authorization with all its tokens."""
        async with self._database.transaction() as session:
            await _revoke(session, authorization_id, self._clock())

    async def revoke_session(self, session_id: str) -> None:
        """End every authorization that came of a login session."""
        table = tables.Authorization
        async with self._database.transaction() as session:
            await session.execute(
                update(table)
                .where(table.session_id == session_id, table.revoked_at.is_(None))
                .values(revoked_at=self._clock())
            )


async def _find(session: AsyncSession, authorization_id: str) -> tables.Authorization | None:
    query = select(tables.Authorization).where(tables.Authorization.id == authorization_id)
    return (await session.execute(query)).scalar_one_or_none()


async def _revoke(session: AsyncSession, authorization_id: object, now: datetime) -> None:
    table = tables.Authorization
    await session.execute(update(table).where(table.id == authorization_id).values(revoked_at=now))


def _row(authorization: Authorization, expires_at: datetime) -> tables.Authorization:
    return tables.Authorization(
        id=authorization.id,
        application_id=authorization.application_id,
        user_id=authorization.user_id,
        session_id=authorization.session_id,
        scopes=sorted(authorization.scopes),
        nonce=authorization.nonce,
        authenticated_at=authorization.authenticated_at,
        methods=list(authorization.methods),
        app_tid=authorization.app_tid,
        provider_id=authorization.provider_id,
        expires_at=expires_at,
        revoked_at=None,
    )


def _authorization(row: tables.Authorization) -> Authorization:
    return Authorization(
        id=row.id,
        application_id=row.application_id,
        user_id=row.user_id,
        session_id=row.session_id,
        scopes=frozenset(row.scopes),
        nonce=row.nonce,
        authenticated_at=row.authenticated_at,
        methods=tuple(row.methods),
        app_tid=row.app_tid,
        provider_id=row.provider_id,
    )
