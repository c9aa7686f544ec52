"""Every authentication that is stored and told, but not done: better a clear error than a call without log-on."""

from __future__ import annotations

from entryway.destinations.authentications.kind import AuthToken, Means, Occasion
from entryway.destinations.errors import TokenFailure


async def tokens(occasion: Occasion, means: Means) -> list[AuthToken] | None:
    """Say that it cannot be done."""
    del means
    raise TokenFailure(f"the authentication {occasion.destination.authentication} is not supported")
