"""Names and addresses of the identity provider where it is itself a client or a service provider."""

from __future__ import annotations

from dataclasses import dataclass

CALLBACK, LOGGED_OUT = "/login/callback", "/logout/callback"
METADATA, CONSUMER, SINGLE_LOGOUT = "/saml2/sp/metadata", "/saml2/sp/acs", "/saml2/sp/slo"


@dataclass(frozen=True, slots=True)
class ProxyAddresses:
    """What administrators register at a company's provider."""

    url: str

    @property
    def entity_id(self) -> str:
        """Another one than that of the identity provider: the two have metadata of their own."""
        return f"{self.url}{METADATA}"

    @property
    def consumer(self) -> str:
        return f"{self.url}{CONSUMER}"

    @property
    def single_logout(self) -> str:
        return f"{self.url}{SINGLE_LOGOUT}"

    def callback(self, alias: str) -> str:
        """Return the redirect_uri at an OpenID Connect provider."""
        return f"{self.url}{CALLBACK}/{alias}"

    def logged_out(self, alias: str) -> str:
        """Return the post_logout_redirect_uri at an OpenID Connect provider."""
        return f"{self.url}{LOGGED_OUT}/{alias}"
