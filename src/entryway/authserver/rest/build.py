"""The administrators' interfaces, put together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse
from starlette.routing import Route

from entryway.authserver.rest.apps import AppOperations
from entryway.authserver.rest.callers import Callers
from entryway.authserver.rest.openapi import document
from entryway.authserver.rest.operations import Interface
from entryway.authserver.rest.role_collections import RoleCollectionOperations
from entryway.authserver.roles.catalog import Catalog
from entryway.authserver.roles.collections import RoleCollections
from entryway.authserver.roles.mappings import RoleMappings
from entryway.authserver.roles.role_store import RoleStore

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from entryway.authserver.bearer import Bearer
    from entryway.authserver.clients import Clients
    from entryway.authserver.moments import Clock
    from entryway.authserver.trust.providers import IdentityProviders
    from entryway.storage import Database
    from entryway.storage.audit import Audit

AUTHORIZATION = "/sap/rest/authorization/v2"
OPENAPI = f"{AUTHORIZATION}/openapi.json"


@dataclass(frozen=True, slots=True)
class Administration:
    """What administrators' programs call."""

    database: Database
    bearer: Bearer
    clients: Clients
    providers: IdentityProviders
    audit: Audit
    clock: Clock

    def routes(self) -> Sequence[Route]:
        """Return where the interfaces answer."""
        interfaces = self.interfaces()
        described = document(interfaces)

        async def openapi(request: Request) -> Response:
            del request
            return JSONResponse(described)

        return [Route(OPENAPI, openapi, methods=["GET"]), *(route for each in interfaces for route in each.routes())]

    def interfaces(self) -> Sequence[Interface]:
        """Return the interfaces with their operations."""
        apps = AppOperations(self.database, Catalog(self.database), RoleStore(self.database, self.audit), self.clients)
        collections = RoleCollectionOperations(
            RoleCollections(self.database, self.audit, self.clock),
            RoleMappings(self.database, self.audit),
            self.providers,
        )
        return [Interface(AUTHORIZATION, [*apps.operations(), *collections.operations()], Callers(self.bearer))]
