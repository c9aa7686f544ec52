"""The administrators' interfaces, put together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse
from starlette.routing import Route

from entryway.authserver.provisioning.dialect import newer, newer_patch
from entryway.authserver.provisioning.groups import GroupCollection
from entryway.authserver.provisioning.kinds import GROUP, USER
from entryway.authserver.provisioning.users import UserCollection
from entryway.authserver.rest.api_credentials import ApiCredentialOperations
from entryway.authserver.rest.apps import AppOperations
from entryway.authserver.rest.audit_log import AuditLogOperations
from entryway.authserver.rest.branding import BrandingOperations
from entryway.authserver.rest.identity_providers import IdentityProviderOperations
from entryway.authserver.rest.openapi import document
from entryway.authserver.rest.operations import Interface
from entryway.authserver.rest.role_collections import RoleCollectionOperations
from entryway.authserver.rest.security_settings import SecuritySettingsOperations
from entryway.authserver.rest.uaa.table import uaa_interfaces
from entryway.authserver.roles.catalog import Catalog
from entryway.authserver.roles.collections import RoleCollections
from entryway.authserver.roles.mappings import RoleMappings
from entryway.authserver.roles.role_store import RoleStore
from entryway.web.scim import ScimEndpoints

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from entryway.authserver.admin.applications import Applications
    from entryway.authserver.admin.bindings import Bindings
    from entryway.authserver.admin.tenants import Tenants
    from entryway.authserver.clients import Clients
    from entryway.authserver.moments import Clock
    from entryway.authserver.passwords import Passwords
    from entryway.authserver.rest.callers import Caller, Callers
    from entryway.authserver.signing_keys import SigningKeys
    from entryway.authserver.tenant_branding import TenantBrandings
    from entryway.authserver.tenant_browsing import TenantBrowsing
    from entryway.authserver.token_policies import TokenPolicies
    from entryway.authserver.trust.migration import TrustMigration
    from entryway.authserver.trust.providers import IdentityProviders
    from entryway.authserver.trust.refreshing import TrustRefresh
    from entryway.authserver.trust.saml_keys import SamlKeys
    from entryway.scim.attributes import ResourceType
    from entryway.storage import Database
    from entryway.storage.audit import Audit
    from entryway.web.scim import Collection

AUTHORIZATION = "/sap/rest/authorization/v2"
IDENTITY_PROVIDERS = "/sap/rest/identity-providers"
OPENAPI = f"{AUTHORIZATION}/openapi.json"


@dataclass(frozen=True, slots=True)
class Administration:
    """What administrators' programs call."""

    url: str
    database: Database
    passwords: Passwords
    callers: Callers
    clients: Clients
    applications: Applications
    bindings: Bindings
    tenants: Tenants
    policies: TokenPolicies
    keys: SigningKeys
    providers: IdentityProviders
    trust_refresh: TrustRefresh
    migration: TrustMigration
    brandings: TenantBrandings
    browsing: TenantBrowsing
    saml_keys: SamlKeys
    audit: Audit
    clock: Clock
    identity_providers: Sequence[str]

    def routes(self) -> Sequence[Route]:
        """Return where the interfaces answer."""
        interfaces = self.interfaces()
        described = document(interfaces)

        async def openapi(request: Request) -> Response:
            del request
            return JSONResponse(described)

        return [
            Route(OPENAPI, openapi, methods=["GET"]),
            # Before SCIM, whose groups can have any name: `/Groups/External` is none.
            *(route for each in interfaces for route in each.routes()),
            *self._scim().routes(),
        ]

    def _scim(self) -> ScimEndpoints[Caller]:
        collections = RoleCollections(self.database, self.audit, self.clock)
        users = UserCollection(self.database, self.passwords, self.providers, collections, self.audit, self.clock)
        groups = GroupCollection(self.url, collections)
        kinds: dict[str, tuple[ResourceType, Collection[Caller]]] = {
            "User": (USER, users),
            "Group": (GROUP, groups),
        }
        return ScimEndpoints(self.url, "", kinds, self.callers.require_for_scim, newer, newer_patch)

    def interfaces(self) -> Sequence[Interface]:
        """Return the interfaces with their operations."""
        apps = AppOperations(self.database, Catalog(self.database), RoleStore(self.database, self.audit), self.clients)
        mappings = RoleMappings(self.database, self.audit)
        collections = RoleCollectionOperations(
            RoleCollections(self.database, self.audit, self.clock),
            mappings,
            self.providers,
        )
        credentials = ApiCredentialOperations(self.database, self.applications, self.bindings, self.audit)
        settings = SecuritySettingsOperations(self.policies, self.keys, self.providers, self.saml_keys, self.browsing)
        branding, trail = BrandingOperations(self.brandings), AuditLogOperations(self.database)
        providers = IdentityProviderOperations(
            self.providers, self.trust_refresh, self.migration, self.identity_providers
        )
        authorization = [
            operation
            for part in (apps, collections, settings, branding, credentials, trail)
            for operation in part.operations()
        ]
        return [
            Interface(AUTHORIZATION, authorization, self.callers),
            Interface(IDENTITY_PROVIDERS, providers.operations(), self.callers),
            *uaa_interfaces(
                self.callers,
                database=self.database,
                registry=self.clients,
                tenants=self.tenants,
                mappings=mappings,
                providers=self.providers,
            ),
        ]
