"""`/oauth/authorize`: a client sends a browser here so that its user logs in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from entryway.authserver import authorization_request, edge
from entryway.oauth import redirects, scopes
from entryway.oauth.errors import InsufficientScope, InvalidClient, InvalidRequest, InvalidToken, OAuthError, echo
from entryway.web.authorization_answer import QUERY, refuse

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from entryway.authserver.bearer import Bearer
    from entryway.authserver.client import Client
    from entryway.authserver.clients import Clients
    from entryway.authserver.login_flow import LoginFlow
    from entryway.authserver.moments import Clock
    from entryway.authserver.settings import AuthServerSettings
    from entryway.authserver.users import User
    from entryway.authserver.zones import Zone, Zones


class UnknownClient(InvalidClient):
    """Nobody is sent anywhere on the word of a client that does not exist."""

    status = 400
    title = "Authorization Request Error"


@dataclass(frozen=True, slots=True)
class AuthorizeEndpoint:
    """Checks client and redirect_uri first: until both are known to be good, errors are shown and never sent on."""

    settings: AuthServerSettings
    zones: Zones
    clients: Clients
    flow: LoginFlow
    bearer: Bearer
    clock: Clock

    async def __call__(self, request: Request) -> Response:
        """Answer with a login page, or send the browser back."""
        parameters = await edge.read_parameters(request)
        zone = await edge.zone_of(request, self.zones, self.settings, parameters)
        holder = await self._holder(request, zone)
        client = await self._client(zone, parameters.get("client_id"))
        redirect_uri = redirects.choose(parameters.get("redirect_uri"), client.redirect_patterns)
        try:
            asked = authorization_request.parse(parameters, client, redirect_uri, self.clock())
        except OAuthError as error:
            mode, state = parameters.get("response_mode", QUERY), parameters.get("state")
            return refuse(self.flow.pages.send_on, redirect_uri, mode, state, error, zone.issuer)
        if holder is not None:
            user, since = holder
            return await self.flow.answer_holder(zone.id, asked, user.id, since)
        return await self.flow.begin(request, zone.id, asked)

    async def _holder(self, request: Request, zone: Zone) -> tuple[User, datetime] | None:
        """Return whose token a program has posted instead of a browser that would log in, and since when they are."""
        kind, _, _ = request.headers.get("authorization", "").partition(" ")
        if request.method != "POST" or kind.lower() != "bearer":
            return None
        of_token, own = await self.bearer.require(request, scopes.USER)
        if of_token.id != zone.id:
            raise InvalidToken(detail="the token is of another tenant than the one that the request names")
        if own.user is None:
            raise InsufficientScope(detail="a client's own token has no user")
        return own.user, datetime.fromtimestamp(own.claims["auth_time"], UTC)

    async def _client(self, zone: Zone, client_id: str | None) -> Client:
        if not client_id:
            raise InvalidRequest("Missing parameter: client_id")
        client = await self.clients.find(zone.id, client_id)
        if client is None:
            raise UnknownClient(f"No client with requested id: {echo(client_id)}")
        if "authorization_code" not in client.grant_types:
            raise UnknownClient("Unauthorized grant type")
        return client
