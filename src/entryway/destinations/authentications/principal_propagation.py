"""PrincipalPropagation: the caller sends the user's token through the connectivity proxy itself."""

from __future__ import annotations

from entryway.destinations.authentications.kind import AuthToken, Means, Occasion
from entryway.destinations.errors import TokenFailure


async def tokens(occasion: Occasion, means: Means) -> list[AuthToken] | None:
    """Return that there are no tokens, if the destination is one that users can be propagated to."""
    del means
    if occasion.destination.properties.get("ProxyType") != "OnPremise":
        raise TokenFailure("PrincipalPropagation needs the property ProxyType to be OnPremise")
    return None
