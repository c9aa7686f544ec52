"""API credentials: clients for programs of administrators, which may read, or read and change."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field
from sqlalchemy import Select, select

from entryway.authserver import tables
from entryway.authserver.admin.applications import Applications
from entryway.authserver.admin.binding_parameters import CERTIFICATE, SECRET
from entryway.authserver.admin.bindings import Bindings
from entryway.authserver.bearer import PLATFORM_SCOPE
from entryway.authserver.rest import paging
from entryway.authserver.rest.apps import READ, WRITE
from entryway.authserver.rest.bodies import Body, Name
from entryway.authserver.rest.operations import Asked, Operation
from entryway.authserver.roles.predefined import READ_SCOPES, WRITE_SCOPES
from entryway.errors import Conflict, EntrywayError, NotFound
from entryway.oauth.errors import InsufficientScope
from entryway.storage import Database
from entryway.storage.audit import Audit, changed
from entryway.storage.pages import page_of

PREFIX = "api-credential-"
BINDING = "credential"
OBJECT = "api-credential"


class ApiCredential(Body):
    """A new credential: a secret, or with `certificate` (PEM, the leaf first) whoever has its key."""

    name: Name
    readOnly: bool = False  # noqa: N815 - the name on the wire
    certificate: Annotated[str, Field(min_length=1, max_length=32768)] | None = None


class ApiCredentialUnknown(NotFound):
    """No API credential has this name."""

    code = "api_credential_unknown"
    title = "There is no API credential with this name"


@dataclass(frozen=True, slots=True)
class ApiCredentialOperations:
    """The operations on API credentials; a secret is told once, when its credential is made."""

    database: Database
    applications: Applications
    bindings: Bindings
    audit: Audit

    def operations(self) -> Sequence[Operation]:
        """Return what can be asked."""
        one = "/apiCredentials/{name}"
        return [
            Operation("GET", "/apiCredentials", READ, "List API credentials", self.list, query=paging.QUERY),
            Operation(
                "POST", "/apiCredentials", WRITE, "Make one; told once", self.create, body=ApiCredential, status=201
            ),
            Operation("GET", one, READ, "An API credential, without its secret", self.get),
            Operation("DELETE", one, WRITE, "Delete it", self.delete, status=204),
        ]

    async def list(self, asked: Asked) -> Any:
        async with self.database.read() as session:
            rows, total = await page_of(session, _of(asked.zid), _ORDER, asked.window)
        return paging.Part([row for (row,) in rows], total).shown(_shape)

    async def get(self, asked: Asked) -> Any:
        return _shape((await self._named(asked, asked.path["name"]))[0])

    async def create(self, asked: Asked) -> Any:
        body: ApiCredential = asked.body
        authorities = READ_SCOPES if body.readOnly else (*READ_SCOPES, *WRITE_SCOPES)
        if not asked.caller.scopes & {PLATFORM_SCOPE} and not asked.caller.scopes.issuperset(authorities):
            # Nobody gives more than they have.
            raise InsufficientScope(detail=f"{asked.caller.actor} may not give all of {' '.join(authorities)}")
        if await self._rows(asked, body.name):
            raise Conflict(f"there is an API credential {body.name!r} already")
        instance_id = f"{PREFIX}{uuid.uuid4()}"
        zone = asked.caller.zone
        kind = SECRET if body.certificate is None else CERTIFICATE
        await self.applications.put_api_access(
            zone, instance_id, instance_name=body.name, authorities=authorities, credential_type=kind
        )
        shown = {} if body.certificate is None else {"x509": {"certificate": body.certificate}}
        try:
            credentials = await self.bindings.put(zone, instance_id, BINDING, shown)
        except EntrywayError:
            # The certificate cannot be one, so there is no credential either.
            await self.applications.delete(zone, instance_id)
            raise
        async with self.database.transaction() as session:
            new = {"readOnly": body.readOnly, "credentialType": kind}
            await self.audit.record(
                session, changed("CREATE", zone.id, OBJECT, body.name, actor=asked.caller.actor, new=new)
            )
        return {"name": body.name, "readOnly": body.readOnly, "credentials": credentials}

    async def delete(self, asked: Asked) -> None:
        zone, name = asked.caller.zone, asked.path["name"]
        for row in await self._named(asked, name):
            await self.applications.delete(zone, row.instance_id)
        async with self.database.transaction() as session:
            await self.audit.record(session, changed("DELETE", zone.id, OBJECT, name, actor=asked.caller.actor))

    async def _rows(self, asked: Asked, name: str) -> Sequence[tables.Application]:
        query = _of(asked.zid).where(tables.Application.instance_name == name)
        async with self.database.read() as session:
            return (await session.execute(query.order_by(*_ORDER))).scalars().all()

    async def _named(self, asked: Asked, name: str) -> Sequence[tables.Application]:
        found = await self._rows(asked, name)
        if not found:
            raise ApiCredentialUnknown(name)
        return found


_ORDER = (tables.Application.instance_name, tables.Application.instance_id)


def _of(zid: str) -> Select[tables.Application]:
    app = tables.Application
    return select(app).where(app.zid == zid, app.instance_id.startswith(PREFIX, autoescape=True))


def _shape(row: tables.Application) -> dict[str, Any]:
    return {
        "name": row.instance_name,
        "readOnly": not set(WRITE_SCOPES) & set(row.descriptor.get("authorities", ())),
        "clientid": f"sb-{row.xsappname}",
        "credentialType": row.descriptor["oauth2-configuration"].get("credential-types", [SECRET])[0],
        "createdAt": row.created_at.isoformat(),
    }
