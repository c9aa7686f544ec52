"""Requests that carry one of our own tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from entryway.authserver import edge
from entryway.oauth.errors import InsufficientScope, InvalidToken

if TYPE_CHECKING:
    from starlette.requests import Request

    from entryway.authserver.issuer import Issuer, OwnToken
    from entryway.authserver.settings import AuthServerSettings
    from entryway.authserver.zones import Zone, Zones


@dataclass(frozen=True, slots=True)
class Bearer:
    """Reads the bearer token of a request and checks its scope."""

    settings: AuthServerSettings
    zones: Zones
    issuer: Issuer

    async def require(self, request: Request, scope: str) -> tuple[Zone, OwnToken]:
        """Return the tenant and the token, or raise unless the token allows `scope`."""
        zone = await edge.zone_of(request, self.zones, self.settings, request.query_params)
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not token:
            raise InvalidToken("A bearer token is required", "no bearer token")
        own = await self.issuer.read(zone, token.strip())
        if scope not in own.scopes:
            raise InsufficientScope(detail=f"the token of {own.claims['cid']} lacks {scope}")
        return zone, own
