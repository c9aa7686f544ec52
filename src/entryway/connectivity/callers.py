"""Who calls the proxy: the tenant and, perhaps, the user that a proxy token speaks for."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from entryway.security.credentials import ServiceCredentials
from entryway.security.errors import KeysUnavailable, TokenInvalid
from entryway.security.validator import TokenValidator
from entryway.tunnel.failures import ProxyAuthenticationRequired, TokenKeysUnavailable

# Every instance of the connectivity service is a clone of this application; its clients' names end so.
SERVICE = "connectivity!b1"
CLIENT_SUFFIX = f"|{SERVICE}"


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose connectors may be used; `user_token` is the proxy token itself if a user stands behind it."""

    zid: str
    user_token: str | None = field(repr=False)


class Callers:
    """Believes the tokens of connectivity service instances, of every tenant."""

    def __init__(self, uaa_url: str, tls: ssl.SSLContext) -> None:
        own = ServiceCredentials(
            clientid=SERVICE,
            xsappname=SERVICE,
            key_domain=urlsplit(uaa_url).netloc,
            tenantmode="shared",
            trustedclientidsuffix=CLIENT_SUFFIX,
        )
        self._validator = TokenValidator(own, tls=tls)

    async def authenticate(self, token: str) -> Caller:
        """Return who calls, or raise; a token that was found good is remembered for a while."""
        try:
            context = await self._validator.validate_async(token)
        except TokenInvalid as error:
            raise ProxyAuthenticationRequired(detail=error.detail) from error
        except KeysUnavailable as error:
            raise TokenKeysUnavailable(detail=error.detail) from error
        # That the service is among a token's audiences does not make its client an instance of the service.
        if not context.get_clientid().endswith(CLIENT_SUFFIX):
            raise ProxyAuthenticationRequired(detail=f"client {context.get_clientid()[:200]!r} is of another service")
        return Caller(context.get_zone_id(), token if speaks_for_a_user(context.claims) else None)


def speaks_for_a_user(claims: Mapping[str, Any]) -> bool:
    """Return whether a token was exchanged for a user's, which then need not be sent separately."""
    return claims.get("grant_type") != "client_credentials" and bool(claims.get("user_name") or claims.get("user_id"))
