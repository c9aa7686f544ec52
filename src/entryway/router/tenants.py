"""Tenants: whose application a request asks for, which its host says, and whether the user is one of theirs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol

from entryway.config.js_regex import JsRegex
from entryway.http import Request
from entryway.router.address import asked_host
from entryway.router.errors import TenantMismatch
from entryway.router.sessions import Login

# What may become a part of the authorization server's host name, and cannot lead to any other server.
_SUBDOMAIN = re.compile(r"(?=.{1,200}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*")
CLAIM = "zdn"
"""The claim with the subdomain of a user's tenant."""


class TenantSource(Protocol):
    """Who knows the tenants, where hosts alone do not say enough of them."""

    async def learn(self, subdomain: str | None) -> None:
        """Find out who a subdomain's tenant is."""


def is_subdomain(text: str) -> bool:
    """Tell whether a text may become a part of a host's name."""
    return _SUBDOMAIN.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Tenants:
    """How hosts and users name their tenants."""

    pattern: JsRegex
    custom_host: bool
    """Whether a proxy in front says the host in `x-custom-host`."""
    provider: str
    """The subdomain of the tenant that the application itself belongs to."""
    provider_zone: str
    directory: TenantSource | None = None
    """Asked about each tenant before its users log in."""

    def of(self, request: Request) -> str | None:
        """Return the subdomain that the request's host names, or None if the host is none of a tenant's."""
        return self.of_host(asked_host(request, in_custom_header=self.custom_host))

    def of_host(self, host: str) -> str | None:
        """Return the subdomain that a host names."""
        found = self.pattern.pattern.search(host)
        if found is None or self.pattern.pattern.groups < 1:
            return None
        subdomain = (found[1] or "").lower()
        return subdomain if is_subdomain(subdomain) else None

    def host_of(self, host: str, subdomain: str) -> str | None:
        """Return the host under which another tenant finds what this one finds at `host`, or None."""
        found = self.pattern.pattern.search(host)
        if found is not None and self.pattern.pattern.groups >= 1 and self.of_host(host) is not None:
            return host[: found.start(1)] + subdomain + host[found.end(1) :]
        # The provider's own name stands at the beginning, apart from the rest by a dot or a dash.
        rest = host.removeprefix(self.provider)
        return subdomain + rest if self.provider and rest != host and rest.startswith((".", "-")) else None

    def of_login(self, login: Login) -> str | None:
        """Return the subdomain of a user's tenant."""
        subdomain = login.claims.get(CLAIM)
        if isinstance(subdomain, str) and is_subdomain(subdomain.lower()):
            return subdomain.lower()
        # Authorization servers that know one tenant need not name it.
        zone = login.claims.get("zid")
        return self.provider if self.provider_zone and zone == self.provider_zone else None

    def check(self, login: Login, tenant: str | None) -> None:
        """Raise TenantMismatch if the user belongs to another tenant than the one that is asked for."""
        own = self.of_login(login)
        if own is None or own != tenant:
            raise TenantMismatch(f"the user's tenant is {own!r}, the host's is {tenant!r}")

    def header(self, tenant: str | None) -> bytes | None:
        """Return what backends get as `tenantid`."""
        if tenant is None:
            return None
        name = tenant if not self.provider or tenant == self.provider else f"{self.provider}!{tenant}"
        return name.encode("ascii", "replace")
