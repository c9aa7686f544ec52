"""`/identity-zones`: the tenants of the landscape, for whoever runs it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from pydantic import StringConstraints

from entryway.authserver.admin.endpoints import Body, Name
from entryway.authserver.admin.tenants import Tenants
from entryway.authserver.bearer import PLATFORM_SCOPE
from entryway.authserver.rest import paging
from entryway.authserver.rest.operations import Asked, Operation
from entryway.authserver.rest.uaa.answers import milliseconds
from entryway.errors import BadRequest, Forbidden

PREFIX = "/identity-zones"


class IdentityZone(Body):
    """A tenant as it should be; what else a zone can have elsewhere is refused by name."""

    id: Annotated[str, StringConstraints(min_length=1, max_length=36)] | None = None
    subdomain: Annotated[str, StringConstraints(min_length=1, max_length=63)]
    name: Name
    active: bool = True


@dataclass(frozen=True, slots=True)
class ZoneOperations:
    """The operations on tenants; each needs a token of the landscape's own tenant."""

    tenants: Tenants

    def operations(self) -> Sequence[Operation]:
        """Return what can be asked."""
        return [
            Operation("GET", "/", PLATFORM_SCOPE, "List tenants", self.list, query=paging.QUERY),
            Operation("POST", "/", PLATFORM_SCOPE, "Create a tenant", self.create, body=IdentityZone, status=201),
            Operation("GET", "/{zone}", PLATFORM_SCOPE, "A tenant", self.get),
            Operation(
                "PUT", "/{zone}", PLATFORM_SCOPE, "Rename, suspend or resume a tenant", self.change, body=IdentityZone
            ),
            Operation("DELETE", "/{zone}", PLATFORM_SCOPE, "Delete a tenant with all that it has", self.delete),
        ]

    async def list(self, asked: Asked) -> Any:
        self._check(asked)
        found, total = await self.tenants.page(asked.window)
        return paging.Part(found, total).shown(_shown)

    async def get(self, asked: Asked) -> Any:
        self._check(asked)
        return _shown(await self.tenants.find(asked.path["zone"]))

    async def create(self, asked: Asked) -> Any:
        self._check(asked)
        body: IdentityZone = asked.body
        if not body.active:
            raise BadRequest("a tenant is active when it is created; it can be suspended afterwards")
        return _shown(await self.tenants.create(body.subdomain, body.name, body.id, asked.caller.actor))

    async def change(self, asked: Asked) -> Any:
        self._check(asked)
        body: IdentityZone = asked.body
        zid = asked.path["zone"]
        before = await self.tenants.find(zid)
        if body.id not in {None, zid} or body.subdomain.lower() != before["subdomain"]:
            raise BadRequest("a tenant keeps its id and its subdomain")
        changed = await self.tenants.change(zid, name=body.name, suspended=not body.active, actor=asked.caller.actor)
        return _shown(changed)

    async def delete(self, asked: Asked) -> Any:
        self._check(asked)
        gone = await self.tenants.find(asked.path["zone"])
        await self.tenants.delete(gone["id"], asked.caller.actor)
        return _shown(gone)

    def _check(self, asked: Asked) -> None:
        if asked.caller.zone.subdomain != self.tenants.settings.subdomain:
            raise Forbidden("tenants are administered from the landscape's own tenant")


def _shown(tenant: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": tenant["id"],
        "subdomain": tenant["subdomain"],
        "name": tenant["name"],
        "active": not tenant["suspended"],
        "created": milliseconds(datetime.fromisoformat(tenant["created_at"])),
    }
