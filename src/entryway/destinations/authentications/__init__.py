"""How a destination logs on: one file for each kind, and the table that lists them."""

from __future__ import annotations

from collections.abc import Mapping

from entryway.destinations.authentications import (
    basic,
    client_credentials,
    jwt_bearer,
    none,
    principal_propagation,
    unsupported,
)
from entryway.destinations.authentications.kind import Authentication

AUTHENTICATIONS: Mapping[str, Authentication] = {
    "NoAuthentication": none.tokens,
    "BasicAuthentication": basic.tokens,
    "OAuth2ClientCredentials": client_credentials.tokens,
    "OAuth2UserTokenExchange": jwt_bearer.tokens,
    "OAuth2JWTBearer": jwt_bearer.tokens,
    "PrincipalPropagation": principal_propagation.tokens,
}


def find_authentication(name: str) -> Authentication:
    """Return how to log on in this way; one that is not in the table says so in the answer."""
    return AUTHENTICATIONS.get(name, unsupported.tokens)
