"""Certificates for bindings, signed by an authority that each tenant has for this alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from entryway import certificates
from entryway.authserver import tables
from entryway.certificates import Certified
from entryway.storage import SealError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from sqlalchemy.ext.asyncio import AsyncSession

    from entryway.authserver.moments import Clock
    from entryway.authserver.zones import Zone
    from entryway.storage import Sealer


@dataclass(frozen=True, slots=True)
class BindingAuthorities:
    """The authorities of all tenants, made when first needed."""

    sealer: Sealer
    clock: Clock

    async def certify(  # noqa: PLR0917 - one certificate
        self,
        session: AsyncSession,
        zone: Zone,
        client_id: str,
        binding_id: str,
        key: RSAPublicKey,
        lifetime: timedelta,
    ) -> Sequence[x509.Certificate]:
        """Return a certificate that proves one binding of a client, and those that signed it."""
        authority = await self._authority(session, zone)
        subject = x509.Name(
            [
                certificates.common_name(client_id),
                x509.NameAttribute(NameOID.LOCALITY_NAME, binding_id),
                x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, zone.id),
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Entryway bindings"),
            ]
        )
        certificate = certificates.issue(
            authority, subject, key, usage=certificates.FOR_CLIENTS, now=self.clock(), lifetime=lifetime
        )
        return certificate, authority.certificate

    async def _authority(self, session: AsyncSession, zone: Zone) -> Certified:
        row = await session.get(tables.BindingAuthority, zone.id)
        if row is not None:
            key = serialization.load_pem_private_key(self.sealer.unseal(row.sealed_key, _purpose(zone)), None)
            if not isinstance(key, ec.EllipticCurvePrivateKey):
                raise SealError("the key of the tenant's authority is of another kind than we make")
            return Certified(x509.load_pem_x509_certificate(row.certificate.encode()), key)
        name = x509.Name([certificates.common_name(f"Entryway bindings {zone.subdomain}")])
        made = certificates.new_authority(name, self.clock())
        session.add(
            tables.BindingAuthority(
                zid=zone.id,
                certificate=made.certificate_pem.decode(),
                sealed_key=self.sealer.seal(made.key_pem, _purpose(zone)),
                created_at=self.clock(),
            )
        )
        return made


def _purpose(zone: Zone) -> str:
    return f"binding-authority/{zone.id}"
