"""Where a tenant meets its identity providers: names and addresses that administrators register over there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from entryway.authserver.zones import Zone


@dataclass(frozen=True, slots=True)
class TrustAddresses:
    """The addresses of one tenant; `alias` is its name as a SAML service provider, and its entityID."""

    url: str
    alias: str

    @property
    def entity_id(self) -> str:
        return self.alias

    @property
    def assertion_consumer(self) -> str:
        return f"{self.url}/saml/SSO/alias/{self.alias}"

    @property
    def bearer_consumer(self) -> str:
        """The recipient of assertions that clients present to the token endpoint."""
        return f"{self.url}/oauth/token/alias/{self.alias}"

    @property
    def single_logout(self) -> str:
        return f"{self.url}/saml/SingleLogout/alias/{self.alias}"

    def callback(self, origin: str) -> str:
        """Return the redirect_uri at an OpenID Connect provider."""
        return f"{self.url}/login/callback/{origin}"

    def logout_callback(self, origin: str) -> str:
        """Return the post_logout_redirect_uri at an OpenID Connect provider."""
        return f"{self.url}/logout/callback/{origin}"


def addresses_of(zone: Zone, host: str) -> TrustAddresses:
    """Return a tenant's addresses in a landscape at `host`."""
    return TrustAddresses(zone.url, f"{zone.subdomain}.{host}")
