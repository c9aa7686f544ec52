"""How many requests a tenant may make of the administrators' interfaces: one table, from paths to limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from entryway.authserver.rate_limits import RateLimit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from entryway.authserver.settings import AuthServerSettings


@dataclass(frozen=True, slots=True)
class AdministrationLimits:
    """The limits by what paths begin with; the first that fits counts."""

    by_prefix: Sequence[tuple[str, RateLimit]]

    async def wait_for_turn(self, path: str, zid: str) -> None:
        """Return when it is the request's turn, or raise if that would take too long."""
        for prefix, limit in self.by_prefix:
            if path == prefix or path.startswith(f"{prefix}/"):
                await limit.wait_for_turn(zid)
                return


def administration_limits(settings: AuthServerSettings) -> AdministrationLimits:
    """Return the table; users and groups share one limit, for a search may ask for both."""
    authorization = RateLimit(settings.authorization_requests_per_second)
    scim = RateLimit(settings.scim_requests_per_second)
    return AdministrationLimits(
        (
            ("/sap/rest/authorization/v2", authorization),
            ("/oauth/clients", authorization),
            ("/identity-zones", authorization),
            ("/sap/rest/identity-providers", RateLimit(settings.identity_provider_requests_per_second)),
            ("/Users", scim),
            ("/Groups", scim),
            ("/ids/Users", scim),
            ("/.search", scim),
        )
    )
