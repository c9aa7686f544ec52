"""Bindings: each has a proof of its own, and asking again for the same binding gives the same credentials."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from entryway.authserver import tables
from entryway.authserver.admin import binding_parameters
from entryway.authserver.admin.applications import ApplicationUnknown
from entryway.authserver.tenant_addresses import API, INTERNAL
from entryway.errors import Conflict, NotFound
from entryway.storage.audit import changed

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from entryway.authserver.admin.binding_proofs import Proof, Proofs
    from entryway.authserver.settings import AuthServerSettings
    from entryway.authserver.signing_keys import SigningKeys
    from entryway.authserver.zones import Zone
    from entryway.storage import Database
    from entryway.storage.audit import Audit

OBJECT = "service-binding"


class BindingUnknown(NotFound):
    """No such binding of that application."""

    code = "binding_unknown"
    title = "There is no such binding"


@dataclass(frozen=True, slots=True)
class Bindings:
    """The bindings of all tenants; a change is on the audit trail with its `actor`, or its caller tells of it."""

    database: Database
    proofs: Proofs
    keys: SigningKeys
    settings: AuthServerSettings
    audit: Audit

    async def put(
        self,
        zone: Zone,
        instance_id: str,
        binding_id: str,
        parameters: dict[str, Any] | None = None,
        *,
        actor: str | None = None,
    ) -> dict[str, Any]:
        """Return the credentials of a binding, which is created where it does not exist."""
        wanted, wrapped = binding_parameters.parse(parameters or {})
        async with self.database.read() as session:
            _, client = await _bound(session, zone, instance_id)
            exists = await _proof(session, zone, instance_id, binding_id) is not None
        # Before the transaction: it takes long for long keys, and nobody else can write meanwhile.
        key = None if exists else await self.proofs.new_key(client, wanted)
        async with self.database.transaction() as session:
            await self.database.lock(session, "binding", zone.id, binding_id)
            application, client = await _bound(session, zone, instance_id)
            proof = await _proof(session, zone, instance_id, binding_id)
            if proof is None:
                proof = await self.proofs.make(session, zone, client, binding_id, wanted, key)
                session.add(proof)
                await session.flush()
                await self._record(session, "CREATE", proof, actor)
        credentials = await self._credentials(zone, application, client.client_id) | self.proofs.told(zone, proof)
        return {"uaa": credentials} if wrapped else credentials

    async def find(self, zone: Zone, instance_id: str, binding_id: str) -> dict[str, Any]:
        """Return the credentials of a binding that exists."""
        async with self.database.read() as session:
            application, client = await _bound(session, zone, instance_id)
            proof = await _proof(session, zone, instance_id, binding_id)
        if proof is None:
            raise BindingUnknown(binding_id)
        return await self._credentials(zone, application, client.client_id) | self.proofs.told(zone, proof)

    async def of(self, zone: Zone, instance_id: str) -> list[dict[str, Any]]:
        """Return the bindings of an application, the oldest first, without what proves them."""
        async with self.database.read() as session:
            await _bound(session, zone, instance_id)
            secret, certificate = tables.BindingSecret, tables.BindingCertificate
            secrets = select(secret).where(secret.zid == zone.id, secret.instance_id == instance_id)
            shown = select(certificate).where(certificate.zid == zone.id, certificate.instance_id == instance_id)
            found: list[Proof] = [*(await session.execute(secrets)).scalars()]
            found += (await session.execute(shown)).scalars()
        return [_listed(proof) for proof in sorted(found, key=lambda proof: (proof.created_at, proof.binding_id))]

    async def delete(self, zone: Zone, instance_id: str, binding_id: str, *, actor: str | None = None) -> None:
        """End a binding: its secret or certificate is worth nothing from now on."""
        async with self.database.transaction() as session:
            await _bound(session, zone, instance_id)
            proof = await _proof(session, zone, instance_id, binding_id)
            if proof is None:
                raise BindingUnknown(binding_id)
            await session.delete(proof)
            await session.flush()
            await self._record(session, "DELETE", proof, actor)

    async def _record(self, session: AsyncSession, event: str, proof: Proof, actor: str | None) -> None:
        if actor is not None:
            told = {"instance_id": proof.instance_id, "kind": _kind(proof)}
            side = {"old" if event == "DELETE" else "new": told}
            await self.audit.record(session, changed(event, proof.zid, OBJECT, proof.binding_id, actor=actor, **side))

    async def _credentials(self, zone: Zone, application: tables.Application, client_id: str) -> dict[str, str]:
        ring = await self.keys.ring(zone.id)
        credentials = {
            "apiurl": self.settings.service_url(API),
            "clientid": client_id,
            "identityzone": zone.subdomain,
            "identityzoneid": zone.id,
            "sburl": self.settings.service_url(INTERNAL),
            "serviceInstanceId": application.instance_id,
            "subaccountid": zone.id,
            "tenantid": zone.id,
            "tenantmode": str(application.descriptor.get("tenant-mode", "dedicated")),
            "uaadomain": self.settings.uaa_domain,
            "url": zone.url,
            "verificationkey": ring.active.public_pem,
            "xsappname": application.xsappname,
            "zoneid": zone.id,
        }
        if application.master is not None:
            credentials["xsmasterappname"] = application.master
        if application.plan == "broker":
            credentials["trustedclientidsuffix"] = f"|{application.xsappname}"
        return credentials


async def _bound(session: AsyncSession, zone: Zone, instance_id: str) -> tuple[tables.Application, tables.ClientRow]:
    key = {"zid": zone.id, "instance_id": instance_id}
    application, client = await session.get(tables.Application, key), await session.get(tables.ClientRow, key)
    if application is None or client is None or application.plan == "platform":
        raise ApplicationUnknown(instance_id)
    if application.provider_zid is not None:
        raise Conflict("the bindings of an application that is subscribed to are its provider's")
    return application, client


async def _proof(session: AsyncSession, zone: Zone, instance_id: str, binding_id: str) -> Proof | None:
    key = {"zid": zone.id, "instance_id": instance_id, "binding_id": binding_id}
    return await session.get(tables.BindingSecret, key) or await session.get(tables.BindingCertificate, key)


def _listed(proof: Proof) -> dict[str, Any]:
    listed = {
        "binding_id": proof.binding_id,
        "credential-type": _kind(proof),
        "created_at": _text(proof.created_at),
        "last_used_at": None if proof.last_used_at is None else _text(proof.last_used_at),
    }
    if isinstance(proof, tables.BindingSecret):
        return listed
    return listed | {
        "thumbprint": proof.thumbprint,
        "certificate-pinning": proof.pinned,
        "subject": proof.subject,
        "issuer": proof.issuer,
        "expires_at": _text(proof.expires_at),
    }


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def _kind(proof: Proof) -> str:
    return proof.kind if isinstance(proof, tables.BindingSecret) else binding_parameters.CERTIFICATE
