"""`resource`: tokens for another application that this one depends on (RFC 8707)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from entryway.idp.oidc.claims import Target
from entryway.oauth.errors import OAuthError, echo

if TYPE_CHECKING:
    from entryway.idp.applications.application import Application
    from entryway.idp.applications.store import Applications

BY_NAME = "urn:sap:identity:application:provider:name:"
BY_CLIENT_ID = "urn:sap:identity:application:provider:clientid:"


class InvalidTarget(OAuthError):
    """The application may not call what it asks a token for (RFC 8707 §2)."""

    code = "invalid_target"
    title = "The requested resource is not valid"


@dataclass(frozen=True, slots=True)
class Targets:
    """Finds whom a token shall be for."""

    applications: Applications

    async def resolve(self, application: Application, resource: str | None, app_tid: str) -> Target:
        """Return the target of a token request, or raise for one that is no dependency of the application."""
        if not resource:
            return Target(application.client_id, app_tid)
        dependencies = application.settings.dependencies
        found = None
        if resource.startswith(BY_NAME):
            found = dependencies.get(resource.removeprefix(BY_NAME))
        elif resource.startswith(BY_CLIENT_ID):
            wanted = resource.removeprefix(BY_CLIENT_ID)
            found = next((each for each in dependencies.values() if each.client_id == wanted), None)
        provider = await self.applications.find(found.client_id) if found else None
        if found is None or provider is None:
            raise InvalidTarget(f"The application has no dependency {echo(resource)}")
        tenant = app_tid if provider.serves(app_tid) else provider.app_tid
        return Target(provider.client_id, tenant, found.apis)
