"""Endpoints that look into our own tokens: `/introspect`, `/oauth/introspect`, `/check_token`, `/userinfo`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse

from entryway.authserver import claims, edge
from entryway.oauth import scopes
from entryway.oauth.errors import InsufficientScope, InvalidRequest, InvalidScope, InvalidToken

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from entryway.authserver.bearer import Bearer
    from entryway.authserver.client_authentication import ClientAuthentication
    from entryway.authserver.own_tokens import OwnTokens
    from entryway.authserver.roles import Roles
    from entryway.authserver.settings import AuthServerSettings
    from entryway.authserver.zones import Zone, Zones


class TokenNotRecognised(InvalidToken):
    """The legacy endpoint says 400 where others say 401."""

    status = 400
    title = "Token was not recognised"


@dataclass(frozen=True, slots=True)
class InspectionEndpoints:
    """For resource servers that ask instead of checking themselves, and for clients that ask who their user is."""

    settings: AuthServerSettings
    zones: Zones
    authentication: ClientAuthentication
    own_tokens: OwnTokens
    bearer: Bearer
    roles: Roles

    async def introspect(self, request: Request) -> Response:
        """Answer a token's claims as they stand in it, or only that it is not active."""
        return JSONResponse(await self._introspected(request))

    async def introspect_by_standard(self, request: Request) -> Response:
        """Answer the same in the words of RFC 7662 §2.2, with the scopes in one text, on which libraries insist."""
        told = await self._introspected(request)
        if told["active"]:
            told |= {"scope": " ".join(told["scope"]), "token_type": "bearer"}
        if "user_name" in told:
            told["username"] = told["user_name"]
        return JSONResponse(told)

    async def check_token(self, request: Request) -> Response:
        """Answer a token's claims, or what is wrong with it."""
        parameters = await edge.read_parameters(request)
        zone = await self._caller(request, parameters)
        token = parameters.get("token")
        if not token:
            raise InvalidRequest("Missing parameter: token")
        try:
            own = await self.own_tokens.read(zone, token)
        except InvalidToken as error:
            raise TokenNotRecognised(
                error.description if error.description == "Token has expired" else "", error.detail
            ) from error
        missing = scopes.parse(parameters.get("scopes")) - own.scopes
        if missing:
            raise InvalidScope(f"Some requested scopes are missing: {' '.join(sorted(missing))}")
        return JSONResponse(own.claims)

    async def userinfo(self, request: Request) -> Response:
        """Answer who the token's user is."""
        _, own = await self.bearer.require_by_header_or_form(request, scopes.OPENID)
        user = own.user
        if user is None:
            raise InsufficientScope(detail="a client's own token has no user")
        entitlements = await self.roles.of_user(user)
        answer = {
            "sub": user.id,
            "user_id": user.id,
            **claims.global_id(user, entitlements),
            "user_name": user.user_name,
            "origin": user.origin,
            "email": user.email,
            "email_verified": claims.email_verified(user, entitlements),
            **claims.names(user),
            "xs.user.attributes": own.claims.get("xs.user.attributes", {}),
            **claims.of_provider(entitlements, own.scopes),
        }
        if user.previous_logon_at is not None:
            answer["previous_logon_time"] = int(user.previous_logon_at.timestamp() * 1000)
        return JSONResponse(answer)

    async def _introspected(self, request: Request) -> dict[str, Any]:
        parameters = await edge.read_parameters(request)
        zone = await self._caller(request, parameters)
        try:
            own = await self.own_tokens.read(zone, parameters.get("token", ""))
        except InvalidToken:
            return {"active": False}
        return {"active": True, **own.claims}

    async def _caller(self, request: Request, parameters: Mapping[str, str]) -> Zone:
        authorization = request.headers.get("authorization")
        if authorization is not None and authorization.lower().startswith("bearer "):
            zone, _ = await self.bearer.require(request, scopes.RESOURCE)
            return zone
        zone = await edge.zone_of(request, self.zones, self.settings, parameters)
        client = await self.authentication.confidential(request, zone, parameters)
        if scopes.RESOURCE not in client.authorities:
            raise InsufficientScope
        return zone
