"""Who asks an administrators' interface: a token with the right scope, of the tenant that the request is about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from entryway.authserver.bearer import PLATFORM_SCOPE
from entryway.authserver.edge import path_of

if TYPE_CHECKING:
    from starlette.requests import Request

    from entryway.authserver.administration_limits import AdministrationLimits
    from entryway.authserver.bearer import Bearer
    from entryway.authserver.client import Client
    from entryway.authserver.zones import Zone


# Reading by POST: a search request.
_READS = ("/.search",)


@dataclass(frozen=True, slots=True)
class Caller:
    """`actor` is who the audit trail names."""

    zone: Zone
    actor: str
    client: Client
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Callers:
    """Reads the token of a request; the platform may do everything, and nobody too much of it at once."""

    bearer: Bearer
    limits: AdministrationLimits

    async def require(self, request: Request, scope: str | None = None) -> Caller:
        """Return who asks, or raise unless the token has the scope."""
        zone, own = await self.bearer.require_any_host(request, *((scope, PLATFORM_SCOPE) if scope else ()))
        # Counted after the token: without one, nobody takes a turn from a tenant's administrators.
        await self.limits.wait_for_turn(path_of(request), zone.id)
        return Caller(zone, own.user.user_name if own.user is not None else own.client.id, own.client, own.scopes)

    async def require_for_scim(self, request: Request) -> Caller:
        """Return who asks about users and groups, or raise unless the token lets them."""
        reads = request.method in {"GET", "HEAD"} or request.url.path.endswith(_READS)
        return await self.require(request, "xs_user.read" if reads else "xs_user.write")
