"""Endpoints about tokens: `/oauth2/userinfo`, `/oauth2/introspect`, `/oauth2/revoke`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response

from entryway.idp.oidc.issuer import OPENID
from entryway.oauth.errors import InsufficientScope, InvalidRequest, InvalidToken
from entryway.telemetry import get_logger
from entryway.web import edge

if TYPE_CHECKING:
    from starlette.requests import Request

    from entryway.idp.applications.application import Application
    from entryway.idp.applications.authentication import ApplicationAuthentication
    from entryway.idp.applications.store import Applications
    from entryway.idp.oidc.authorizations import Authorizations
    from entryway.idp.oidc.issuer import Issuer, OwnToken

log = get_logger(__name__)

# What a token says about itself rather than about the user.
_OF_THE_TOKEN = frozenset(
    {"iss", "aud", "azp", "exp", "iat", "jti", "scope", "authorization", "sid", "amr", "auth_time"}
)


@dataclass(frozen=True, slots=True)
class InspectionEndpoints:
    """For resource servers that ask instead of checking themselves, and for clients that ask who their user is."""

    authentication: ApplicationAuthentication
    applications: Applications
    authorizations: Authorizations
    issuer: Issuer

    async def userinfo(self, request: Request) -> Response:
        """Answer who an access token's user is."""
        token = await edge.access_token(request)
        if not token:
            raise InvalidToken("A bearer token is needed")
        own = await self.issuer.read(token)
        if not own.is_access_token:
            raise InvalidToken(detail="an id token is no access token")
        if own.person is None or OPENID not in str(own.claims["scope"]).split():
            raise InsufficientScope
        return JSONResponse({name: value for name, value in own.claims.items() if name not in _OF_THE_TOKEN})

    async def introspect(self, request: Request) -> Response:
        """Answer a token's claims to the application that it is for, or only that it is not active (RFC 7662)."""
        parameters = await edge.read_parameters(request)
        application = await self.authentication.check(request, parameters)
        if application.settings.public:
            raise InvalidRequest("A public client may not introspect tokens")
        try:
            own = await self.issuer.read(parameters.get("token", ""))
        except InvalidToken:
            return JSONResponse({"active": False})
        if not own.is_access_token or not _concerns(own, application):
            return JSONResponse({"active": False})
        claims = {name: value for name, value in own.claims.items() if name != "authorization"}
        return JSONResponse({"active": True, "client_id": own.claims["azp"], "token_type": "Bearer", **claims})

    async def revoke(self, request: Request) -> Response:
        """End the authorization of a token; a token that is unknown or another's changes nothing (RFC 7009 §2.2)."""
        parameters = await edge.read_parameters(request)
        application = await self.authentication.check(request, parameters)
        token = parameters.get("token")
        if not token:
            raise InvalidRequest("Missing parameter: token")
        ended = await self._authorization_of(token, application)
        if ended is not None:
            await self.authorizations.revoke(ended)
            log.info("token_revoked", client_id=application.client_id)
        return JSONResponse({})  # clients may ignore it, and some take nothing but JSON

    async def _authorization_of(self, token: str, application: Application) -> str | None:
        authorization = await self.authorizations.holder_of_refresh_token(token)
        if authorization is not None:
            return authorization.id if authorization.application_id == application.id else None
        try:
            own = await self.issuer.read(token)
        except InvalidToken:
            return None
        if own.claims.get("azp") != application.client_id or "authorization" not in own.claims:
            return None
        return str(own.claims["authorization"])


def _concerns(own: OwnToken, application: Application) -> bool:
    return application.client_id in (own.claims.get("aud"), own.claims.get("azp"))
