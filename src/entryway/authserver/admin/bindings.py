"""Bindings: each has a secret of its own, and asking again for the same binding gives the same credentials."""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from entryway.authserver import tables
from entryway.authserver.admin.applications import ApplicationUnknown
from entryway.authserver.clients import SECRET_PURPOSE
from entryway.authserver.digests import RANDOM_BYTES
from entryway.errors import NotFound

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from entryway.authserver.clients import Clients
    from entryway.authserver.digests import Digests
    from entryway.authserver.moments import Clock
    from entryway.authserver.settings import AuthServerSettings
    from entryway.authserver.signing_keys import SigningKeys
    from entryway.authserver.zones import Zone
    from entryway.storage import Database, Sealer


class BindingUnknown(NotFound):
    """No such binding of that application."""

    code = "binding_unknown"
    title = "There is no such binding"


@dataclass(frozen=True, slots=True)
class Bindings:
    """The bindings of all tenants."""

    database: Database
    sealer: Sealer
    digests: Digests
    keys: SigningKeys
    settings: AuthServerSettings
    clients: Clients
    clock: Clock

    async def put(self, zone: Zone, instance_id: str, binding_id: str) -> dict[str, str]:
        """Return the credentials of a binding, which is created where it does not exist."""
        async with self.database.transaction() as session:
            application = await _application(session, zone, instance_id)
            row = await session.get(tables.BindingSecret, _key(zone, instance_id, binding_id))
            if row is None:
                secret = new_secret(binding_id)
                session.add(
                    tables.BindingSecret(
                        zid=zone.id,
                        instance_id=instance_id,
                        binding_id=binding_id,
                        digest=self.digests.of(SECRET_PURPOSE, zone.id, secret),
                        sealed_secret=self.sealer.seal(secret.encode(), _purpose(zone, instance_id, binding_id)),
                        created_at=self.clock(),
                    )
                )
            else:
                secret = self.sealer.unseal(row.sealed_secret, _purpose(zone, instance_id, binding_id)).decode()
            client = select(tables.ClientRow.client_id).where(
                tables.ClientRow.zid == zone.id, tables.ClientRow.instance_id == instance_id
            )
            client_id = (await session.execute(client)).scalar_one()
        self.clients.forget()
        return await self._credentials(zone, application, client_id, secret)

    async def delete(self, zone: Zone, instance_id: str, binding_id: str) -> None:
        """End a binding: its secret is worth nothing from now on."""
        async with self.database.transaction() as session:
            await _application(session, zone, instance_id)
            row = await session.get(tables.BindingSecret, _key(zone, instance_id, binding_id))
            if row is None:
                raise BindingUnknown(binding_id)
            await session.delete(row)
        self.clients.forget()

    async def _credentials(
        self, zone: Zone, application: tables.Application, client_id: str, secret: str
    ) -> dict[str, str]:
        ring = await self.keys.ring(zone.id)
        credentials = {
            "apiurl": self.settings.public_url,
            "clientid": client_id,
            "clientsecret": secret,
            "credential-type": "binding-secret",
            "identityzone": zone.subdomain,
            "identityzoneid": zone.id,
            "sburl": self.settings.public_url,
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


def new_secret(binding_id: str) -> str:
    """Return a secret in the form that applications know: the binding's id, `$`, and 44 characters of chance."""
    return f"{binding_id}${base64.urlsafe_b64encode(secrets.token_bytes(RANDOM_BYTES)).decode()}"


async def _application(session: AsyncSession, zone: Zone, instance_id: str) -> tables.Application:
    application = await session.get(tables.Application, {"zid": zone.id, "instance_id": instance_id})
    if application is None or application.plan == "platform":
        raise ApplicationUnknown(instance_id)
    return application


def _purpose(zone: Zone, instance_id: str, binding_id: str) -> str:
    return f"binding-secret/{zone.id}/{instance_id}/{binding_id}"


def _key(zone: Zone, instance_id: str, binding_id: str) -> dict[str, str]:
    return {"zid": zone.id, "instance_id": instance_id, "binding_id": binding_id}
