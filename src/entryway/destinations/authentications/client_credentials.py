"""OAuth2ClientCredentials: the application itself logs on, the same for all its users."""

from __future__ import annotations

from entryway.destinations.authentications.kind import AuthToken, Means, Occasion, bearer
from entryway.destinations.token_service import build_token_request, check_tenant_header, dedicated_or_common_url


async def tokens(occasion: Occasion, means: Means) -> list[AuthToken] | None:
    """Return a token of the client that the destination names."""
    destination, tenant = occasion.destination, occasion.options.tenant
    check_tenant_header(destination, tenant)
    url = dedicated_or_common_url(destination, tenant)
    request = build_token_request(destination, {"grant_type": "client_credentials"}, url)
    return [bearer(await means.retrieval.fetch_kept(occasion.caller.zid, request))]
