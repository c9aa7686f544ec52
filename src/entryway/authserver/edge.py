"""Where requests come in: the edge that all services share, and which tenant a request is for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from entryway.authserver.zones import named_by
from entryway.web.edge import Edge, MalformedJson, read_body, read_json, read_parameters

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from entryway.authserver.settings import AuthServerSettings
    from entryway.authserver.zones import Zone, Zones

__all__ = ["Edge", "MalformedJson", "read_body", "read_json", "read_parameters", "zone_of"]


async def zone_of(request: Request, zones: Zones, settings: AuthServerSettings, given: Mapping[str, Any]) -> Zone:
    """Return the tenant that a request is for."""
    named = named_by(request.headers.get("x-zid"), given.get("zid"), request.headers.get("host", ""), settings.host)
    return await zones.resolve(named)
