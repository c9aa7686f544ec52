"""What proves a client for one binding: a secret or a certificate, and what the application is told of it."""

from __future__ import annotations

import asyncio
import base64
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric import rsa
from sqlalchemy import func, select

from entryway import certificates
from entryway.authserver import tables
from entryway.authserver.admin import binding_parameters
from entryway.authserver.client_certificates import certificate_url
from entryway.authserver.clients import SECRET_PURPOSE
from entryway.authserver.digests import RANDOM_BYTES
from entryway.errors import BadRequest, Conflict
from entryway.oauth import client_certificates
from entryway.oauth.certificate_paths import leads_to_authority
from entryway.oauth.client_certificates import thumbprint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from sqlalchemy.ext.asyncio import AsyncSession

    from entryway.authserver.admin.binding_authority import BindingAuthorities
    from entryway.authserver.admin.binding_parameters import BindingParameters, X509Parameters
    from entryway.authserver.digests import Digests
    from entryway.authserver.moments import Clock
    from entryway.authserver.settings import AuthServerSettings
    from entryway.authserver.zones import Zone
    from entryway.storage import Sealer

MOST_BINDINGS = 1000

Proof = tables.BindingSecret | tables.BindingCertificate


@dataclass(frozen=True, slots=True)
class Proofs:
    """Makes proofs, and opens the seal on what an application must be told."""

    sealer: Sealer
    digests: Digests
    authority: BindingAuthorities
    settings: AuthServerSettings
    clock: Clock

    async def new_key(self, client: tables.ClientRow, wanted: BindingParameters) -> RSAPrivateKey | None:
        """Return a new key if the proof is to be a certificate that we make."""
        if wanted.kind(client.credential_types) != binding_parameters.CERTIFICATE or wanted.x509.certificate:
            return None
        return await asyncio.to_thread(rsa.generate_private_key, 65537, wanted.x509.key_length)

    async def make(  # noqa: PLR0917 - one binding
        self,
        session: AsyncSession,
        zone: Zone,
        client: tables.ClientRow,
        binding_id: str,
        wanted: BindingParameters,
        key: RSAPrivateKey | None,
    ) -> Proof:
        """Return a proof of the kind that is wanted, not stored yet."""
        if await _count(session, zone, client.instance_id) >= MOST_BINDINGS:
            raise BadRequest(f"a service instance has at most {MOST_BINDINGS} bindings")
        kind = wanted.kind(client.credential_types)
        if kind == binding_parameters.CERTIFICATE:
            if key is not None:
                days = timedelta(days=wanted.x509.days)
                chain = await self.authority.certify(
                    session, zone, client.client_id, binding_id, key.public_key(), days
                )
            else:
                chain = self._provided(wanted.x509)
            await _check_unique(session, zone, client.instance_id, thumbprint(chain[0]), everywhere=wanted.x509.unique)
            return self._certificate(zone, client.instance_id, binding_id, wanted.x509, chain, key)
        return await self._secret(session, zone, client.instance_id, binding_id, kind, hidden=wanted.hide_secret)

    async def _secret(
        self, session: AsyncSession, zone: Zone, instance_id: str, binding_id: str, kind: str, *, hidden: bool
    ) -> tables.BindingSecret:
        secret = new_secret(binding_id)
        if kind == binding_parameters.INSTANCE_SECRET:
            table = tables.BindingSecret
            mine = (table.zid == zone.id, table.instance_id == instance_id, table.kind == kind)
            other = (await session.execute(select(table).where(*mine).limit(1))).scalars().first()
            if other is not None:
                secret = self._unsealed(zone, other)
        return tables.BindingSecret(
            zid=zone.id,
            instance_id=instance_id,
            binding_id=binding_id,
            kind=kind,
            hidden=hidden,
            digest=self.digests.of(SECRET_PURPOSE, zone.id, secret),
            sealed_secret=self.sealer.seal(secret.encode(), _purpose(zone, instance_id, binding_id)),
            created_at=self.clock(),
        )

    def _certificate(  # noqa: PLR0917 - one binding
        self,
        zone: Zone,
        instance_id: str,
        binding_id: str,
        wanted: X509Parameters,
        chain: Sequence[x509.Certificate],
        key: RSAPrivateKey | None,
    ) -> tables.BindingCertificate:
        leaf, purpose = chain[0], _purpose(zone, instance_id, binding_id)
        return tables.BindingCertificate(
            zid=zone.id,
            instance_id=instance_id,
            binding_id=binding_id,
            thumbprint=thumbprint(leaf),
            pinned=key is not None or wanted.pinned,
            subject=leaf.subject.rfc4514_string(),
            issuer=leaf.issuer.rfc4514_string(),
            issued_at=leaf.not_valid_before_utc,
            expires_at=leaf.not_valid_after_utc,
            certificate="".join(certificates.pem(one).decode() for one in chain),
            sealed_key=None if key is None else self.sealer.seal(certificates.rsa_key_pem(key), purpose),
            hidden=wanted.hidden,
            created_at=self.clock(),
        )

    def _provided(self, wanted: X509Parameters) -> Sequence[x509.Certificate]:
        try:
            chain = client_certificates.chain_from_pem(wanted.certificate or "")
        except ValueError as error:
            raise BadRequest("/x509/certificate: is no certificate in PEM, the leaf first") from error
        if not client_certificates.is_current(chain[0], self.clock()):
            raise BadRequest("/x509/certificate: has expired, or is not valid yet")
        if not wanted.pinned and not leads_to_authority(
            chain[0], chain[1:], self.settings.trusted_authorities, self.clock()
        ):
            raise BadRequest(
                "/x509/certificate-pinning: false needs a certificate of an authority trusted here, and those between"
            )
        return chain

    def told(self, zone: Zone, proof: Proof) -> dict[str, Any]:
        """Return what a binding's credentials hold beside what all bindings of the client have."""
        if isinstance(proof, tables.BindingSecret):
            told: dict[str, Any] = {"credential-type": proof.kind}
            return told if proof.hidden else told | {"clientsecret": self._unsealed(zone, proof)}
        told = {"credential-type": binding_parameters.CERTIFICATE, "certurl": certificate_url(self.settings, zone)}
        if not proof.hidden:
            told["certificate"] = proof.certificate
        if proof.sealed_key is not None:
            purpose = _purpose(zone, proof.instance_id, proof.binding_id)
            told["key"] = self.sealer.unseal(proof.sealed_key, purpose).decode()
        return told

    def _unsealed(self, zone: Zone, row: tables.BindingSecret) -> str:
        return self.sealer.unseal(row.sealed_secret, _purpose(zone, row.instance_id, row.binding_id)).decode()


def new_secret(binding_id: str) -> str:
    """Return a secret in the form that applications know: the binding's id, `$`, and 44 characters of chance."""
    return f"{binding_id}${base64.urlsafe_b64encode(secrets.token_bytes(RANDOM_BYTES)).decode()}"


def _purpose(zone: Zone, instance_id: str, binding_id: str) -> str:
    return f"binding-secret/{zone.id}/{instance_id}/{binding_id}"


async def _count(session: AsyncSession, zone: Zone, instance_id: str) -> int:
    counts = [
        (
            await session.execute(select(func.count()).where(table.zid == zone.id, table.instance_id == instance_id))
        ).scalar_one()
        for table in (tables.BindingSecret, tables.BindingCertificate)
    ]
    return sum(counts)


async def _check_unique(
    session: AsyncSession, zone: Zone, instance_id: str, fingerprint: str, *, everywhere: bool
) -> None:
    """Raise if another binding has the certificate: one of this instance, or with `everywhere` any at all."""
    table = tables.BindingCertificate
    query = select(table.binding_id).where(table.zid == zone.id, table.thumbprint == fingerprint)
    if not everywhere:
        query = query.where(table.instance_id == instance_id)
    if (await session.execute(query)).first() is not None:
        raise Conflict("another binding has this certificate already")
