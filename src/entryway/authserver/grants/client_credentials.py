"""`client_credentials` (RFC 6749 §4.4): the client for itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from entryway.authserver.grants.grant import ClientDecision

if TYPE_CHECKING:
    from entryway.authserver.client import Client
    from entryway.authserver.grants.grant import TokenRequest


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """Nothing to decide beyond what the endpoint has done: the client is who it says it is."""

    async def authorize(self, request: TokenRequest, client: Client) -> ClientDecision:
        """Let the client have its token."""
        del request, client
        return ClientDecision()
