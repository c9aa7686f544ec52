"""What everybody may know: keys, the metadata document, and that the server is alive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, PlainTextResponse, Response

from entryway.authserver import edge
from entryway.authserver.client_certificates import certificate_url
from entryway.authserver.description import describe
from entryway.oauth import discovery, parameters

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from starlette.requests import Request

    from entryway.authserver.grants import GrantTable
    from entryway.authserver.moments import Clock
    from entryway.authserver.settings import AuthServerSettings
    from entryway.authserver.signing_keys import KeyRing, SigningKeys
    from entryway.authserver.trust.providers import IdentityProviders
    from entryway.authserver.zones import Zone, Zones

# Clients keep keys for minutes by themselves; a proxy between must not keep them longer.
_KEYS_MAX_AGE = "public, max-age=300"


@dataclass(frozen=True, slots=True)
class MetadataEndpoints:
    """Public documents of a tenant."""

    settings: AuthServerSettings
    zones: Zones
    keys: SigningKeys
    grants: GrantTable
    providers: IdentityProviders
    clock: Clock

    async def token_keys(self, request: Request) -> Response:
        """Answer every key that verifies the tenant's tokens."""
        zone = await self._zone(request)
        ring = await self.keys.ring(zone.id)
        return _tagged(request, ring, {"keys": [key.public_jwk for key in ring.published]})

    async def token_key(self, request: Request) -> Response:
        """Answer the key that signs now."""
        zone = await self._zone(request)
        ring = await self.keys.ring(zone.id)
        return _tagged(request, ring, ring.active.public_jwk)

    async def discovery(self, request: Request) -> Response:
        """Answer the metadata document."""
        zone = await self._zone(request)
        document = discovery.document(zone.url, certificate_url(self.settings, zone), self.grants)
        return JSONResponse(document, headers={"cache-control": "public, max-age=300"})

    async def info(self, request: Request) -> Response:
        """Answer what this is and where people log in."""
        zone = await self._zone(request)
        providers = await self.providers.list(zone.id, active_only=True)
        return JSONResponse(describe(zone, self.settings.branding.name, providers, None, self.clock()))

    async def health(self, request: Request) -> Response:
        """Answer that the server is there and its keys can be used."""
        zone = await self._zone(request)
        await self.keys.ring(zone.id)
        return PlainTextResponse("ok")

    async def _zone(self, request: Request) -> Zone:
        query = parameters.parse(request.scope["query_string"])
        return await edge.zone_of(request, self.zones, self.settings, query)


def _tagged(request: Request, ring: KeyRing, content: Mapping[str, Any]) -> Response:
    """Return keys, or that they have not changed since the client had them."""
    tag = f'"{int(ring.changed_at.timestamp() * 1000)}"'
    headers = {"etag": tag, "cache-control": _KEYS_MAX_AGE}
    if _matches(request.headers.get("if-none-match"), tag):
        return Response(status_code=304, headers=headers)
    return JSONResponse(content, headers=headers)


def _matches(if_none_match: str | None, tag: str) -> bool:
    if not if_none_match:
        return False
    given = {part.strip().removeprefix("W/") for part in if_none_match.split(",")}
    return tag in given or "*" in given or tag.strip('"') in given
