"""Programs that administer: an application with the right, by its own token or by its secret."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from entryway.oauth.errors import BadCredentials, InsufficientScope, InvalidToken

if TYPE_CHECKING:
    from starlette.requests import Request

    from entryway.idp.applications.application import Application
    from entryway.idp.applications.authentication import ApplicationAuthentication
    from entryway.idp.applications.settings import Right
    from entryway.idp.applications.store import Applications
    from entryway.idp.oidc.issuer import Issuer
    from entryway.idp.trail import Trail


@dataclass(frozen=True, slots=True)
class Callers:
    """Checks who calls, and whether they may."""

    authentication: ApplicationAuthentication
    applications: Applications
    issuer: Issuer
    trail: Trail

    async def require(self, request: Request, right: Right) -> Application:
        """Return the application that calls, or raise unless it has the right."""
        kind, _, value = request.headers.get("authorization", "").partition(" ")
        if kind.lower() == "basic":
            application = await self.authentication.check(request, {})
        elif kind.lower() == "bearer" and value:
            application = await self._by_token(value.strip())
        else:
            raise InvalidToken("A bearer token or Basic credentials are needed")
        if right not in application.settings.rights:
            raise InsufficientScope(detail=f"{application.client_id} has no right {right}")
        if request.method != "GET":
            self.trail.administration(application.client_id, request.method, request.url.path)
        return application

    async def _by_token(self, token: str) -> Application:
        own = await self.issuer.read(token)
        # Its own token, for itself: a user's token, or one for another application, says nothing about rights.
        if own.person is not None or own.claims.get("aud") != own.claims.get("azp"):
            raise InsufficientScope(detail="not an application's own token")
        application = await self.applications.find(str(own.claims["azp"]))
        if application is None:
            raise BadCredentials(detail="the application is gone")
        return application
