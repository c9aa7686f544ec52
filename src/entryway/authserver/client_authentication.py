"""How a client proves who it is, wherever one is asked: the token, introspection and revocation endpoints."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from entryway.oauth import credentials
from entryway.oauth.errors import BadCredentials

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from entryway.authserver.clients import Client, Clients
    from entryway.authserver.own_tokens import OwnTokens
    from entryway.authserver.zones import Zone

SECRET = "client_secret"  # noqa: S105 - the name of a method
PUBLIC = "none"
BEARER = "bearer"
# The one grant at which a client proves itself with its user's token (`grants/user_token.py`).
USER_TOKEN = "user_token"  # noqa: S105 - the name of a grant


@dataclass(frozen=True, slots=True)
class Authenticated:
    """A client, and how it proved that it is this one."""

    client: Client
    method: str
    # SHA-256 of the certificate that the connection was made with, as tokens name it (RFC 8705 §3.1).
    thumbprint: str | None = None
    # The user's token that the client came with instead of a proof of its own.
    bearer: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class ClientAuthentication:
    """Finds out which way a client chose; two ways at once are refused."""

    clients: Clients
    own_tokens: OwnTokens

    async def authenticate(self, request: Request, zone: Zone, parameters: Mapping[str, str]) -> Authenticated:
        """Return the client, or raise BadCredentials."""
        authorization = request.headers.get("authorization")
        kind, _, bearer = (authorization or "").partition(" ")
        if parameters.get("grant_type") == USER_TOKEN and kind.lower() == "bearer":
            return Authenticated(
                (await self.own_tokens.read(zone, bearer.strip())).client, BEARER, bearer=bearer.strip()
            )
        if authorization is None and "client_secret" not in parameters:
            public = await self._public(zone, parameters.get("client_id"))
            if public is not None:
                return Authenticated(public, PUBLIC)
        url_encoded = request.headers.get("x-cf-encoded-credentials", "").lower() == "true"
        presented = credentials.presented(authorization, parameters, url_encoded=url_encoded)
        return Authenticated(await self.clients.authenticate(zone.id, presented), SECRET)

    async def confidential(self, request: Request, zone: Zone, parameters: Mapping[str, str]) -> Client:
        """Return the client, which must have proved who it is itself."""
        authenticated = await self.authenticate(request, zone, parameters)
        if authenticated.method in {PUBLIC, BEARER}:
            raise BadCredentials(detail="the client has not proved who it is")
        return authenticated.client

    async def _public(self, zone: Zone, client_id: str | None) -> Client | None:
        client = await self.clients.find(zone.id, client_id) if client_id else None
        return client if client is not None and client.public else None
