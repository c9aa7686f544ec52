"""Which tenant the platform acts for: the one that its own token names."""

from __future__ import annotations

from dataclasses import dataclass

from entryway.clients.access import OwnToken
from entryway.security.jws import take_apart


@dataclass(frozen=True, slots=True)
class Tenant:
    """Reads the tenant from the platform's token."""

    token: OwnToken

    async def zid(self) -> str:
        """Return the tenant's id."""
        # Not verified: it came a moment ago from the server that signed it, over TLS.
        return take_apart(await self.token.value()).zid
