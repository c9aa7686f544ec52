"""What a tenant's security settings say to everybody: who may show its applications in a frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse
from starlette.routing import Route

from entryway.authserver.tenant_addresses import NamedZone
from entryway.errors import BadRequest
from entryway.oauth import parameters

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from entryway.authserver.tenant_browsing import TenantBrowsing
    from entryway.authserver.zones import Zones

PATH = "/sap/rest/authorization/v2/securitySettings/public"


@dataclass(frozen=True, slots=True)
class PublicSettings:
    """Asked by application routers, which have no token there; browsers see the same in each answer's policy."""

    zones: Zones
    browsing: TenantBrowsing

    def routes(self) -> Sequence[Route]:
        """Return where it answers."""
        return [Route(PATH, self.get, methods=["GET"])]

    async def get(self, request: Request) -> Response:
        """Answer with the trusted domains of the tenant at `subdomain`, separated by blanks (router.md, part 2).

        Raises BadRequest without a subdomain, and ZoneUnknown or ZoneSuspended.
        """
        subdomain = parameters.parse(request.scope["query_string"]).get("subdomain")
        if not subdomain:
            raise BadRequest("the parameter subdomain is missing")
        zone = await self.zones.resolve(NamedZone(subdomain=subdomain.lower()))
        domains = (await self.browsing.get(zone.id)).iframe_domains
        return JSONResponse({"iframeDomains": " ".join(domains)})
