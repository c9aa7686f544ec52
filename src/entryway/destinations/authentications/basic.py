"""BasicAuthentication: user and password, ready to be sent."""

from __future__ import annotations

from entryway.destinations.authentications.kind import AuthToken, Means, Occasion, basic
from entryway.destinations.errors import TokenFailure
from entryway.destinations.token_service import require


async def tokens(occasion: Occasion, means: Means) -> list[AuthToken] | None:
    """Return the header that carries user and password."""
    del means
    user = require(occasion.destination, "User")
    # RFC 7617 §2: a colon ends the user's name, whatever was meant.
    if ":" in user:
        raise TokenFailure("the property User holds a colon, which cannot be sent")
    return [basic(user, occasion.destination.properties.get("Password", ""))]
