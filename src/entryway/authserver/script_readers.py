"""Which scripts may read what the authorization server answers: those of the origins that a tenant knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from entryway.authserver.edge import path_of, zone_of
from entryway.errors import EntrywayError
from entryway.web.cross_origin import EVERYBODY, is_allowed

if TYPE_CHECKING:
    from starlette.requests import Request

    from entryway.authserver.settings import AuthServerSettings
    from entryway.authserver.tenant_browsing import TenantBrowsing
    from entryway.authserver.zones import Zones

# What everybody may know, scripts of anybody too.
PUBLIC = frozenset(
    {
        "/token_keys",
        "/token_key",
        "/.well-known/openid-configuration",
        "/oauth/token/.well-known/openid-configuration",
    }
)
# Where public clients come with a code, a refresh token or a bearer token.
OF_CLIENTS = frozenset({"/oauth/token", "/userinfo", "/revoke", "/oauth/revoke"})


@dataclass(frozen=True, slots=True)
class ScriptReaders:
    """Decides by the path and by the tenant that a request is for."""

    settings: AuthServerSettings
    zones: Zones
    browsing: TenantBrowsing

    async def __call__(self, request: Request) -> str | None:
        """Return whom the answer may be shown to."""
        path, origin = path_of(request), request.headers["origin"]
        if path in PUBLIC:
            return EVERYBODY
        if path not in OF_CLIENTS:
            return None
        try:
            zone = await zone_of(request, self.zones, self.settings, request.query_params)
            known = (await self.browsing.get(zone.id)).cors_origins
        except EntrywayError:
            # Whoever answers the request says what is wrong with it.
            return None
        return origin if is_allowed(origin, known) else None
