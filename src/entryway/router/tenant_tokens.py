"""Tokens of one of the application's own clients, one for each tenant that it serves."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from entryway.config.bindings import OAuthCredentials
from entryway.router.company_network import ClientToken
from entryway.router.uaa import Uaa

MOST_TENANTS = 10_000


class TenantTokens:
    """Finds the token of a client at a tenant; the tenants asked for longest ago are forgotten first."""

    def __init__(self, uaa: Uaa, credentials: OAuthCredentials, clock: Callable[[], float]) -> None:
        self._uaa = uaa
        self._credentials = credentials
        self._clock = clock
        self._tokens: OrderedDict[str | None, ClientToken] = OrderedDict()

    def at(self, tenant: str | None = None) -> ClientToken:
        """Return the token for a tenant's subdomain; without one, that of the application's own tenant."""
        token = self._tokens.get(tenant)
        if token is None:
            token = ClientToken(self._uaa, self._credentials.at_tenant(tenant), self._clock)
            self._tokens[tenant] = token
            if len(self._tokens) > MOST_TENANTS:
                self._tokens.popitem(last=False)
        else:
            self._tokens.move_to_end(tenant)
        return token
