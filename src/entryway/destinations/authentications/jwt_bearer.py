"""OAuth2JWTBearer and OAuth2UserTokenExchange: the user's token becomes one for the destination's client.

The second once took two steps with a refresh token between them; token services of today give the same for one
assertion.
"""

from __future__ import annotations

from entryway.clients.tokens import JWT_BEARER
from entryway.destinations.authentications.kind import AuthToken, Means, Occasion, bearer
from entryway.destinations.errors import InvalidRequest, TokenFailure
from entryway.destinations.token_service import build_token_request, dedicated_or_common_url


async def tokens(occasion: Occasion, means: Means) -> list[AuthToken] | None:
    """Return a token with which the destination's client may act for the user."""
    destination = occasion.destination
    if occasion.options.tenant:
        raise InvalidRequest(f"the header X-tenant is not allowed with {destination.authentication}")
    text = occasion.options.user_token or occasion.caller.user_token
    if text is None:
        raise TokenFailure(f"no user token was sent, and {destination.authentication} cannot do without")
    user = await means.user_tokens.verify(destination, text)
    url = dedicated_or_common_url(destination, user.subdomain)
    grant = {"grant_type": JWT_BEARER, "assertion": user.text, "response_type": "token"}
    return [bearer(await means.retrieval.fetch(build_token_request(destination, grant, url)))]
