"""Pairing: a token that somebody with the platform's right obtained becomes a connector's certificate, once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from cryptography import x509
from sqlalchemy import select, update
from sqlalchemy.engine import CursorResult
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from entryway.certificates import Certified
from entryway.connectivity.authority import (
    RenewalRefused,
    check_holder,
    issue_identity,
    new_tunnel_authority,
    read_authority,
)
from entryway.connectivity.tables import AuthorityRow, ConnectorRow, PairingTokenRow
from entryway.errors import Unauthorized
from entryway.storage import Database, Sealer
from entryway.telemetry import get_logger
from entryway.tunnel.identity import ConnectorIdentity, TunnelId, read_identity

log = get_logger("connectivity")

_AUTHORITY = 1
_KEY_PURPOSE = "connectivity/authority-key"


class PairingTokenRefused(Unauthorized):
    """The token is unknown, used, expired or made for another location; the caller does not learn which."""

    code: ClassVar[str] = "pairing_token_refused"
    title: ClassVar[str] = "The pairing token is not valid"


@dataclass(frozen=True, slots=True)
class Paired:
    """A connector and its new certificate."""

    identity: ConnectorIdentity
    certificate: x509.Certificate


@dataclass(frozen=True, slots=True)
class Pairings:
    """Everything that the pairing API remembers."""

    database: Database
    sealer: Sealer
    now: Callable[[], datetime]
    new_token: Callable[[], str]
    new_connector_id: Callable[[], str]

    async def authority(self) -> Certified:
        """Return the tunnel's authority; it comes into being the first time."""
        if (stored := await self._stored_authority()) is not None:
            return stored
        created = new_tunnel_authority(self.now())
        row = AuthorityRow(
            id=_AUTHORITY,
            certificate=created.certificate_pem.decode(),
            sealed_key=self.sealer.seal(created.key_pem, _KEY_PURPOSE),
        )
        try:
            async with self.database.transaction() as session:
                session.add(row)
        except IntegrityError:
            # Another process was faster; there must be one authority only.
            if (stored := await self._stored_authority()) is not None:
                return stored
            raise
        log.info("tunnel_authority_created", serial=f"{created.certificate.serial_number:x}")
        return created

    async def create_token(self, tunnel: TunnelId, lifetime: timedelta) -> tuple[str, datetime]:
        """Return a new token and the moment it ends."""
        token = self.new_token()
        expires_at = self.now() + lifetime
        async with self.database.transaction() as session:
            session.add(
                PairingTokenRow(
                    hash=_hash(token), zid=tunnel.zid, location_id=tunnel.location_id, expires_at=expires_at
                )
            )
        log.info("pairing_token_created", zid=tunnel.zid, location_id=tunnel.location_id)
        return token, expires_at

    async def pair(
        self,
        token: str,
        location_id: str | None,
        request: x509.CertificateSigningRequest,
        lifetime: timedelta,
    ) -> Paired:
        """Take the token, once and for all, and return a certificate for the connector that showed it."""
        authority = await self.authority()
        async with self.database.transaction() as session:
            tunnel = await self._take(session, token, location_id)
            identity = ConnectorIdentity(self.new_connector_id(), tunnel)
            certificate = issue_identity(authority, request, identity, self.now(), lifetime)
            serial = f"{certificate.serial_number:x}"
            session.add(
                ConnectorRow(
                    connector_id=identity.connector_id,
                    zid=tunnel.zid,
                    location_id=tunnel.location_id,
                    certificate_serial=serial,
                    paired_at=self.now(),
                    expires_at=certificate.not_valid_after_utc,
                )
            )
        log.info(
            "connector_paired",
            connector_id=identity.connector_id,
            zid=tunnel.zid,
            location_id=tunnel.location_id,
            serial=serial,
        )
        return Paired(identity, certificate)

    async def renew(
        self,
        certificate: x509.Certificate,
        request: x509.CertificateSigningRequest,
        signature: bytes,
        lifetime: timedelta,
    ) -> Paired:
        """Return the next certificate of a connector; the one before is good until its own end."""
        authority = await self.authority()
        check_holder(authority, certificate, request, signature, self.now())
        identity = read_identity(certificate)
        made = issue_identity(authority, request, identity, self.now(), lifetime)
        serial = f"{made.serial_number:x}"
        async with self.database.transaction() as session:
            row = await session.get(ConnectorRow, identity.connector_id)
            if row is None or row.revoked_at is not None or TunnelId(row.zid, row.location_id) != identity.tunnel:
                raise RenewalRefused("there is no such connector any more")
            row.certificate_serial, row.expires_at = serial, made.not_valid_after_utc
        log.info("connector_renewed", connector_id=identity.connector_id, zid=identity.tunnel.zid, serial=serial)
        return Paired(identity, made)

    async def connectors(self, zid: str) -> Sequence[ConnectorRow]:
        """Return the connectors of a tenant."""
        async with self.database.read() as session:
            rows = await session.scalars(
                select(ConnectorRow).where(ConnectorRow.zid == zid).order_by(ConnectorRow.paired_at)
            )
            return rows.all()

    async def _stored_authority(self) -> Certified | None:
        async with self.database.read() as session:
            row = await session.get(AuthorityRow, _AUTHORITY)
        if row is None:
            return None
        return read_authority(row.certificate, self.sealer.unseal(row.sealed_key, _KEY_PURPOSE))

    async def _take(self, session: AsyncSession, token: str, location_id: str | None) -> TunnelId:
        row = await session.get(PairingTokenRow, _hash(token))
        now = self.now()
        reason = _why_not(row, location_id, now)
        if row is None or reason:
            log.warning("pairing_refused", reason=reason)
            raise PairingTokenRefused(reason)
        # The condition decides when two connectors show the same token at the same moment.
        taken = await session.execute(
            update(PairingTokenRow)
            .where(PairingTokenRow.hash == row.hash, PairingTokenRow.used_at.is_(None))
            .values(used_at=now)
        )
        if not isinstance(taken, CursorResult) or taken.rowcount != 1:
            raise PairingTokenRefused("used")
        return TunnelId(row.zid, row.location_id)


def _why_not(row: PairingTokenRow | None, location_id: str | None, now: datetime) -> str:
    if row is None:
        return "unknown"
    if row.used_at is not None:
        return "used"
    if row.expires_at <= now:
        return "expired"
    if location_id is not None and location_id != row.location_id:
        return "other location"
    return ""


def _hash(token: str) -> str:
    # A token has 256 random bits: nothing to guess, so nothing for a slow hash to protect.
    return hashlib.sha256(token.encode()).hexdigest()
