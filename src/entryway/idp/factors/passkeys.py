"""Passkeys (Web Authentication): registration, and login with and without a name."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import webauthn
from sqlalchemy import delete, select, update
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from entryway.errors import BadRequest
from entryway.idp import tables
from entryway.telemetry import get_logger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from entryway.idp.settings import IdpSettings
    from entryway.idp.users.user import User
    from entryway.storage import Database
    from entryway.storage.moments import Clock

log = get_logger(__name__)

MOST_OF_A_USER = 20
_TRANSPORTS = {transport.value for transport in AuthenticatorTransport}


class PasskeyRefused(BadRequest):
    """The answer of the authenticator does not prove anything."""

    code = "passkey_refused"
    title = "The passkey could not be used"


@dataclass(frozen=True, slots=True)
class Passkey:
    """A passkey as its user is shown it."""

    id: str
    name: str
    created_at: datetime
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class Options:
    """What the browser is asked, as JSON, and the challenge that its answer must hold."""

    json: str
    challenge: str


@dataclass(frozen=True, slots=True)
class Passkeys:
    """Registers passkeys and checks their signatures; they belong to the host, and to our own origin alone."""

    settings: IdpSettings
    database: Database
    clock: Clock

    async def registration_options(self, user: User) -> Options:
        """Return what to ask a browser for that shall make a passkey for this user."""
        options = webauthn.generate_registration_options(
            rp_id=self.settings.host,
            rp_name=self.settings.branding.name,
            user_id=uuid.UUID(user.id).bytes,
            user_name=user.user_name,
            user_display_name=user.full_name,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED,
                user_verification=UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=await self._descriptors(user.id),
        )
        return Options(webauthn.options_to_json(options), bytes_to_base64url(options.challenge))

    async def register(self, user: User, challenge: str | None, answer: str, name: str) -> None:
        """Keep the passkey that a browser made, or raise PasskeyRefused."""
        if len(await self.of_user(user.id)) >= MOST_OF_A_USER:
            raise PasskeyRefused("the user has too many passkeys")
        try:
            verified = webauthn.verify_registration_response(
                credential=_parsed(answer),
                expected_challenge=base64url_to_bytes(challenge or ""),
                expected_rp_id=self.settings.host,
                expected_origin=self.settings.public_url,
                require_user_verification=True,
            )
        except (WebAuthnException, ValueError, KeyError, TypeError, AttributeError) as error:
            raise PasskeyRefused(f"{type(error).__name__}: {error}") from error
        row = tables.Passkey(
            credential_id=verified.credential_id,
            user_id=user.id,
            public_key=verified.credential_public_key,
            sign_count=verified.sign_count,
            transports=_transports(_parsed(answer)),
            name=("".join(filter(str.isprintable, name)).strip() or "Passkey")[:100],
            created_at=self.clock(),
            last_used_at=None,
        )
        async with self.database.transaction() as session:
            taken = select(tables.Passkey.user_id).where(tables.Passkey.credential_id == row.credential_id)
            if (await session.execute(taken)).first() is not None:
                raise PasskeyRefused("the credential is registered already")
            session.add(row)

    async def login_options(self, user_id: str | None = None) -> Options:
        """Return what to ask a browser for that shall prove who is there; without a user, anybody."""
        options = webauthn.generate_authentication_options(
            rp_id=self.settings.host,
            allow_credentials=await self._descriptors(user_id) if user_id is not None else None,
            user_verification=UserVerificationRequirement.REQUIRED,
        )
        return Options(webauthn.options_to_json(options), bytes_to_base64url(options.challenge))

    async def verify(self, challenge: str | None, answer: str) -> str:
        """Return the id of the user whose passkey signed the challenge, or raise PasskeyRefused."""
        content = _parsed(answer)
        table = tables.Passkey
        try:
            credential_id = base64url_to_bytes(str(content.get("rawId", "")))
        except ValueError as error:
            raise PasskeyRefused("the credential's id is not base64url") from error
        async with self.database.read() as session:
            row = (
                await session.execute(select(table).where(table.credential_id == credential_id))
            ).scalar_one_or_none()
        if row is None:
            raise PasskeyRefused("no such passkey")
        try:
            verified = webauthn.verify_authentication_response(
                credential=content,
                expected_challenge=base64url_to_bytes(challenge or ""),
                expected_rp_id=self.settings.host,
                expected_origin=self.settings.public_url,
                credential_public_key=row.public_key,
                credential_current_sign_count=row.sign_count,
                require_user_verification=True,
            )
        except (WebAuthnException, ValueError, KeyError, TypeError, AttributeError) as error:
            raise PasskeyRefused(f"{type(error).__name__}: {error}") from error
        async with self.database.transaction() as session:
            used = {"sign_count": verified.new_sign_count, "last_used_at": self.clock()}
            await session.execute(update(table).where(table.credential_id == credential_id).values(**used))
        return row.user_id

    async def of_user(self, user_id: str) -> list[Passkey]:
        """Return the passkeys of a user, the oldest first."""
        return [
            Passkey(bytes_to_base64url(row.credential_id), row.name, row.created_at, row.last_used_at)
            for row in await self._rows(user_id)
        ]

    async def remove(self, user_id: str, passkey_id: str) -> None:
        """Take a passkey from a user, if it is theirs."""
        table = tables.Passkey
        try:
            credential_id = base64url_to_bytes(passkey_id)
        except ValueError as error:
            raise PasskeyRefused("the id is not base64url") from error
        async with self.database.transaction() as session:
            await session.execute(delete(table).where(table.user_id == user_id, table.credential_id == credential_id))

    async def _rows(self, user_id: str) -> Sequence[tables.Passkey]:
        query = select(tables.Passkey).where(tables.Passkey.user_id == user_id).order_by(tables.Passkey.created_at)
        async with self.database.read() as session:
            return (await session.execute(query)).scalars().all()

    async def _descriptors(self, user_id: str) -> list[PublicKeyCredentialDescriptor]:
        return [
            PublicKeyCredentialDescriptor(
                id=row.credential_id, transports=[AuthenticatorTransport(each) for each in row.transports]
            )
            for row in await self._rows(user_id)
        ]


def _parsed(answer: str) -> dict[str, Any]:
    try:
        content = json.loads(answer)
    except (ValueError, RecursionError) as error:
        raise PasskeyRefused("the answer is not JSON") from error
    if not isinstance(content, dict) or not isinstance(content.get("response"), dict):
        raise PasskeyRefused("the answer is no credential")
    return content


def _transports(content: dict[str, Any]) -> list[str]:
    named = content["response"].get("transports")
    return [each for each in named if each in _TRANSPORTS] if isinstance(named, list) else []
