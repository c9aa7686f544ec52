"""NoAuthentication: there is nothing to log on with."""

from __future__ import annotations

from entryway.destinations.authentications.kind import AuthToken, Means, Occasion


async def tokens(occasion: Occasion, means: Means) -> list[AuthToken] | None:
    """Return that there are no tokens."""
    del occasion, means
    return None
