"""Where requests come in: the edge that all services share, and which tenant a request is for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from entryway.authserver import tenant_path
from entryway.web.edge import Edge, MalformedJson, access_token, header, loggable, read_body, read_json, read_parameters

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from entryway.authserver.settings import AuthServerSettings
    from entryway.authserver.zones import Zone, Zones

__all__ = [
    "Edge",
    "MalformedJson",
    "access_token",
    "header",
    "loggable",
    "path_of",
    "read_body",
    "read_json",
    "read_parameters",
    "zone_of",
]


def path_of(request: Request) -> str:
    """Return a request's path as the routes have it, without what names the tenant."""
    path: str = request.scope["path"]
    return path.removeprefix(request.scope.get("root_path", ""))


async def zone_of(request: Request, zones: Zones, settings: AuthServerSettings, given: Mapping[str, Any]) -> Zone:
    """Return the tenant that a request is for."""
    by_path = request.scope.get(tenant_path.NAMED)
    named = settings.addresses.named_by(
        header(request, b"x-zid"), given.get("zid"), header(request, b"host") or "", by_path
    )
    return await zones.resolve(named)
