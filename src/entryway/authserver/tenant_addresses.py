"""Where tenants are reached, and which tenant a request names: by host, by path, by header or by query."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import urlsplit

from entryway.errors import BadRequest, ConfigurationError, NotFound

PLACEHOLDER = "{subdomain}"
# A tenant's path where hosts of their own cannot be had, as on a laptop: `/t/<subdomain>/oauth/token`.
PATH = re.compile(r"/t/([A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)(?=/|$)")
LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
# Labels in front of a landscape's host at which no tenant is, but the administrators' interfaces (`apiurl` of bindings)
# and what brokers ask (`sburl`): there, as at the bare host, the token names the tenant.
API, INTERNAL = "api", "internal-xsuaa"
_OF_THE_LANDSCAPE = frozenset({API, INTERNAL})
# Labels that no tenant gets, for they mean something else or could be taken for it.
RESERVED = _OF_THE_LANDSCAPE | {"cert", "login", "www"}
# A domain of a tenant's own; other alphabets come in their ASCII form (`xn--…`).
DOMAIN = re.compile(r"(?=.{4,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")
MOST_REMEMBERED = 10_000
_ID = re.compile(r"[A-Za-z0-9-]{1,36}")


class ZoneUnknown(NotFound):
    """No tenant by that name."""

    code = "zone_unknown"
    title = "The subdomain does not map to a valid identity zone."


class NamedZone(NamedTuple):
    """How a request names its tenant: by id, by subdomain, by a domain of the tenant's own, or not at all."""

    id: str | None = None
    subdomain: str | None = None
    domain: str | None = None


@dataclass(frozen=True, slots=True)
class TenantAddresses:
    """The addresses of a landscape: `hosts` serve every tenant, and each tenant at a label in front of them.

    `template` is a tenant's own address, `https://{subdomain}.host` or `https://host/t/{subdomain}`.
    """

    template: str
    hosts: tuple[str, ...]
    domains: frozenset[str] = field(init=False)
    # Whether tenants have hosts of their own.
    in_host: bool = field(init=False)
    # Which tenant a host names, for those that were asked for before.
    _named: dict[str, NamedZone] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        parts = urlsplit(self.template.replace(PLACEHOLDER, "x"))
        in_host = urlsplit(self.template).netloc.startswith(f"{PLACEHOLDER}.")
        in_path = self.template.endswith(f"/t/{PLACEHOLDER}") and parts.path == "/t/x"
        # Clients put another label in the place of the first one, so a tenant's name can be nothing else of a host.
        if parts.scheme != "https" or parts.query or parts.fragment or self.template.count(PLACEHOLDER) != 1:
            raise ConfigurationError(f"tenant_url must be https and hold {PLACEHOLDER} once, not {self.template!r}")
        if not in_path and not (in_host and parts.path in {"", "/"}):
            raise ConfigurationError(
                f"tenant_url must be https://{PLACEHOLDER}.<host> or https://<host>/t/{PLACEHOLDER}, "
                f"not {self.template!r}"
            )

        own = _host_name(urlsplit(self.url_of("x")).netloc)
        object.__setattr__(self, "in_host", in_host)
        object.__setattr__(self, "domains", frozenset({*self.hosts, *([] if in_path else [own.partition(".")[2]])}))

    def url_of(self, subdomain: str) -> str:
        """Return the address of a tenant."""
        return self.template.replace(PLACEHOLDER, subdomain).removesuffix("/")

    def named_by(self, header: str | None, query: str | None, host: str, path: str | None = None) -> NamedZone:
        """Return how a request names its tenant: by an id, which counts before the address it was sent to.

        Libraries send the id of the tenant whose token they want to the address in their binding, which may be
        another tenant's. Two ids, or two addresses in one, are refused rather than ranked.
        """
        if header and query and header != query:
            raise BadRequest("the x-zid header and the zid parameter name different zones")
        if path is not None and self._by_host(host) != NamedZone():
            raise BadRequest("both the host and the path name a zone")
        given = header or query
        if not given:
            return self._by_host(host) if path is None else NamedZone(subdomain=path.lower())
        if not _ID.fullmatch(given):
            raise ZoneUnknown("the zone id is malformed")
        return NamedZone(id=given.lower())

    def names_none(self, host: str) -> bool:
        """Say whether a host serves every tenant, so that it names none; HTTP/1.0 does without a host."""
        if not host:
            return True
        name = _host_name(host)
        label, _, rest = name.partition(".")
        return name in self.hosts or _is_address(name) or (label in _OF_THE_LANDSCAPE and rest in self.domains)

    def is_of_the_landscape(self, host: str) -> bool:
        """Say whether a host is one of the landscape's, or below one, so that it can be no tenant's own domain."""
        name = f".{_host_name(host)}"
        return _is_address(name[1:]) or any(name.endswith(f".{domain}") for domain in self.domains)

    def _by_host(self, host: str) -> NamedZone:
        named = self._named.get(host)
        if named is None:
            named = self._read(host)
            if len(self._named) >= MOST_REMEMBERED:
                self._named.clear()
            self._named[host] = named
        return named

    def _read(self, host: str) -> NamedZone:
        if self.names_none(host):
            return NamedZone()
        name = _host_name(host)
        label, dot, rest = name.partition(".")
        if dot and rest in self.domains and LABEL.fullmatch(label):
            return NamedZone(subdomain=label)
        if DOMAIN.fullmatch(name) and not self.is_of_the_landscape(name):
            return NamedZone(domain=name)
        raise ZoneUnknown("the host is not one of this landscape")


def _host_name(host: str) -> str:
    name = host.strip().lower()
    if name.startswith("["):
        return name.partition("]")[0].removeprefix("[")
    return name.partition(":")[0].removesuffix(".")


def _is_address(name: str) -> bool:
    # Health checks and tools come by address; an address names no tenant.
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
