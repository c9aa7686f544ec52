"""Requests that carry one of our own tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from entryway.authserver import edge, tenant_path
from entryway.authserver.tenant_addresses import NamedZone, ZoneUnknown
from entryway.errors import BadRequest
from entryway.oauth import tokens
from entryway.oauth.errors import InsufficientScope, InvalidToken

if TYPE_CHECKING:
    from starlette.requests import Request

    from entryway.authserver.own_tokens import OwnToken, OwnTokens
    from entryway.authserver.settings import AuthServerSettings
    from entryway.authserver.zones import Zone, Zones


# What the landscape itself may do: everything, in every tenant.
PLATFORM_SCOPE = "entryway.platform"


@dataclass(frozen=True, slots=True)
class Bearer:
    """Reads the bearer token of a request and checks its scope."""

    settings: AuthServerSettings
    zones: Zones
    own_tokens: OwnTokens

    async def require(self, request: Request, *scopes: str) -> tuple[Zone, OwnToken]:
        """Return the tenant and the token, or raise unless the token allows one of the scopes; without any, all do."""
        zone = await edge.zone_of(request, self.zones, self.settings, request.query_params)
        return await self._require(request, zone, _token(request), *scopes)

    async def require_by_header_or_form(self, request: Request, *scopes: str) -> tuple[Zone, OwnToken]:
        """As `require`; the token may come in a form, too, as clients may hand it to `/userinfo`."""
        zone = await edge.zone_of(request, self.zones, self.settings, request.query_params)
        token = await edge.access_token(request)
        return await self._require(request, zone, token or _token(request), *scopes)

    async def require_any_host(self, request: Request, *scopes: str) -> tuple[Zone, OwnToken]:
        """As `require`; at the host of the administrators' interfaces and at the bare one, the token names the tenant.

        What an unverified token says picks the keys to verify it with, no more: a token of another tenant fails there.
        """
        host = request.headers.get("host", "")
        names_one = {"x-zid", "x-identity-zone-id", "x-identity-zone-subdomain"} & set(request.headers.keys())
        if names_one or "zid" in request.query_params or tenant_path.NAMED in request.scope:
            return await self.require(request, *scopes)
        claimed = tokens.claimed_zone(_token(request))
        if not self.settings.addresses.names_none(host) or not claimed:
            return await self.require(request, *scopes)
        try:
            zone = await self.zones.resolve(NamedZone(id=claimed[:36]))
        except ZoneUnknown as error:
            raise InvalidToken(detail="the token names no zone of this landscape") from error
        return await self._require(request, zone, _token(request), *scopes)

    async def _require(self, request: Request, zone: Zone, token: str, *scopes: str) -> tuple[Zone, OwnToken]:
        other = _switched_to(request)
        own = await self.own_tokens.read(zone, token)
        if scopes and own.scopes.isdisjoint(scopes):
            raise InsufficientScope(detail=f"the token of {own.claims['cid']} lacks {' or '.join(scopes)}")
        if other is not None:
            # Only who runs the landscape, with a token of the landscape's own tenant, may act in another.
            if zone.subdomain != self.settings.subdomain or own.scopes.isdisjoint({PLATFORM_SCOPE, "uaa.admin"}):
                raise InsufficientScope(detail="the token may not switch to another zone")
            zone = await self.zones.resolve(other)
        return zone, own


def _token(request: Request) -> str:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer" or not token:
        raise InvalidToken("A bearer token is required", "no bearer token")
    return token.strip()


def _switched_to(request: Request) -> NamedZone | None:
    zid = request.headers.get("x-identity-zone-id")
    subdomain = request.headers.get("x-identity-zone-subdomain")
    if zid and subdomain:
        raise BadRequest("X-Identity-Zone-Id and X-Identity-Zone-Subdomain cannot both be given")
    if zid or subdomain:
        return NamedZone(id=zid) if zid else NamedZone(subdomain=str(subdomain).lower())
    return None
