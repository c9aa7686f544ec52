"""`client_credentials` (RFC 6749 §4.4): the application for itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from entryway.idp.oidc.grants.grant import ApplicationDecision

if TYPE_CHECKING:
    from entryway.idp.applications.application import Application
    from entryway.idp.oidc.grants.grant import TokenRequest


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """Nothing to decide beyond what the endpoint has done: the application is who it says it is."""

    async def authorize(self, request: TokenRequest, application: Application) -> ApplicationDecision:
        """Let the application have its token."""
        del request, application
        return ApplicationDecision()
