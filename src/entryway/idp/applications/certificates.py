"""Certificates with which applications prove who they are: one for each binding, of theirs or made for them.

A certificate counts as it is and no other. One that is made is signed by an authority that lives for that moment alone:
nobody need trust it, and its name lets browsers know that no certificate of people is asked for.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Literal, Self

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError

from entryway import certificates
from entryway.idp import tables
from entryway.idp.errors import InvalidValue, NameTaken
from entryway.oauth import client_certificates

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from entryway.idp.applications.application import Application
    from entryway.storage import Database, Sealer
    from entryway.storage.moments import Clock

SECRET, GENERATED, PROVIDED = "SECRET", "X509_GENERATED", "X509_PROVIDED"
ISSUER = x509.Name([certificates.common_name("Entryway applications")])
LONGEST_DAYS = 366
_DAYS = {"DAYS": 1, "MONTHS": 30, "YEARS": 365}


class BindingDocument(BaseModel):
    """How a binding proves the application; nothing said is a secret."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, alias_generator=lambda name: name.replace("_", "-"), hide_input_in_errors=True
    )

    credential_type: Literal["SECRET", "X509_GENERATED", "X509_PROVIDED"] = "SECRET"
    certificate: Annotated[str, Field(min_length=1, max_length=32768)] | None = None
    key_length: Literal[2048, 4096, 8192] | None = None
    validity: Annotated[int, Field(ge=1, le=LONGEST_DAYS)] | None = None
    validity_type: Literal["DAYS", "MONTHS", "YEARS"] | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if (self.certificate is not None) != (self.credential_type == PROVIDED):
            raise ValueError(f"certificate is for the credential-type {PROVIDED}, which needs it")
        made = (self.key_length, self.validity, self.validity_type)
        if self.credential_type != GENERATED and any(value is not None for value in made):
            raise ValueError(f"key-length, validity and validity-type are for the credential-type {GENERATED}")
        if self.lifetime > timedelta(days=LONGEST_DAYS):
            raise ValueError(f"validity: at most {LONGEST_DAYS} days")
        return self

    @property
    def lifetime(self) -> timedelta:
        """How long a certificate that is made lasts."""
        return timedelta(days=(self.validity or 7) * _DAYS[self.validity_type or "DAYS"])


@dataclass(frozen=True, slots=True)
class BoundCertificate:
    """What an application is told of its certificate; without a key, the key is its own."""

    certificate: str
    key: str | None = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class ApplicationCertificates:
    """The certificates of all applications."""

    database: Database
    sealer: Sealer
    clock: Clock

    async def find(self, application: Application, binding_id: str) -> BoundCertificate | None:
        """Return the certificate of a binding, None when there is none."""
        async with self.database.read() as session:
            row = await _row(session, application, binding_id)
        return None if row is None else self._told(row)

    async def put(self, application: Application, binding_id: str, wanted: BindingDocument) -> BoundCertificate:
        """Return the certificate of a binding, made or taken the first time."""
        known = await self.find(application, binding_id)
        if known is not None:
            return known
        if wanted.certificate is None:
            key = await asyncio.to_thread(rsa.generate_private_key, 65537, wanted.key_length or 2048)
            chain, key_pem = self._made(application, binding_id, key, wanted.lifetime), certificates.rsa_key_pem(key)
        else:
            chain, key_pem = self._provided(wanted.certificate), None
        row = tables.ApplicationCertificate(
            application_id=application.id,
            binding_id=binding_id,
            thumbprint=client_certificates.thumbprint(chain[0]),
            certificate="".join(certificates.pem(each).decode() for each in chain),
            sealed_key=None if key_pem is None else self.sealer.seal(key_pem, _purpose(application.id)),
            expires_at=chain[0].not_valid_after_utc,
            created_at=self.clock(),
        )
        try:
            async with self.database.transaction() as session:
                await self.database.lock(session, "certificate", application.id, binding_id)
                other = await _row(session, application, binding_id)
                if other is not None:
                    return self._told(other)
                session.add(row)
        except IntegrityError as error:
            raise NameTaken("another binding has this certificate already") from error
        return self._told(row)

    async def end(self, application_id: str, binding_id: str) -> None:
        """End a binding's certificate, if it has one."""
        table = tables.ApplicationCertificate
        mine = (table.application_id == application_id, table.binding_id == binding_id)
        async with self.database.transaction() as session:
            await session.execute(delete(table).where(*mine))

    async def proves(self, application: Application, presented: x509.Certificate) -> bool:
        """Say whether a certificate that a client has the key of is one of the application's, and valid now."""
        table = tables.ApplicationCertificate
        mine = (
            table.application_id == application.id,
            table.thumbprint == client_certificates.thumbprint(presented),
        )
        async with self.database.read() as session:
            known = (await session.execute(select(table.binding_id).where(*mine))).first()
        return known is not None and client_certificates.is_current(presented, self.clock())

    def _made(
        self, application: Application, binding_id: str, key: rsa.RSAPrivateKey, lifetime: timedelta
    ) -> Sequence[x509.Certificate]:
        authority = certificates.new_authority(ISSUER, self.clock())
        subject = x509.Name(
            [
                certificates.common_name(application.client_id),
                x509.NameAttribute(x509.NameOID.LOCALITY_NAME, binding_id[:128]),
            ]
        )
        leaf = certificates.issue(
            authority, subject, key.public_key(), usage=certificates.FOR_CLIENTS, now=self.clock(), lifetime=lifetime
        )
        return leaf, authority.certificate

    def _provided(self, text: str) -> Sequence[x509.Certificate]:
        try:
            chain = client_certificates.chain_from_pem(text)
        except ValueError as error:
            raise InvalidValue("certificate", "is no certificate in PEM, the leaf first") from error
        if not client_certificates.is_current(chain[0], self.clock()):
            raise InvalidValue("certificate", "has expired, or is not valid yet")
        return chain

    def _told(self, row: tables.ApplicationCertificate) -> BoundCertificate:
        key = row.sealed_key and self.sealer.unseal(row.sealed_key, _purpose(row.application_id)).decode()
        return BoundCertificate(row.certificate, key or None, row.expires_at)


async def _row(
    session: AsyncSession, application: Application, binding_id: str
) -> tables.ApplicationCertificate | None:
    table = tables.ApplicationCertificate
    query = select(table).where(table.application_id == application.id, table.binding_id == binding_id)
    return (await session.execute(query)).scalar_one_or_none()


def _purpose(application_id: str) -> str:
    return f"application-certificate:{application_id}"
