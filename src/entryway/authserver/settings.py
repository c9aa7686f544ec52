"""What an authorization server must be told to run."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from cryptography import x509

from entryway.authserver.key_rotation import RotationPolicy
from entryway.authserver.tenant_addresses import PLACEHOLDER, TenantAddresses
from entryway.certificates import UNREADABLE
from entryway.clients.outgoing_addresses import AddressPolicy
from entryway.errors import ConfigurationError
from entryway.web.client_certificates import CLIENT_CERTIFICATE_HEADER, networks
from entryway.web.pages import Branding

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class AuthServerSettings:
    """`public_url` is how everybody reaches the server: `https://host[:port]`, no path."""

    public_url: str
    database_url: str
    master_key: bytes = field(repr=False)
    platform_client_secret: str = field(repr=False)
    subdomain: str = "dev"
    tenant_name: str = "Development"
    branding: Branding = field(default_factory=Branding)
    # A tenant's own address, with `{subdomain}` as a label of the host or at the end of the path `/t/`;
    # empty: a label in front of the host of `public_url`.
    tenant_url: str = ""
    # Where clients come with a TLS certificate (`certurl` of bindings): `https://host[:port]`; empty: at `public_url`.
    certificate_url: str = ""
    # Proxies in front that tell us in a header which certificate a client came with.
    certificate_proxies: tuple[str, ...] = ()
    certificate_header: str = CLIENT_CERTIFICATE_HEADER
    # PEM of the authorities that may vouch for certificates which bindings bring along and do not pin.
    certificate_authorities: bytes = b""
    # Token requests of one tenant within a second; a few more wait, the rest is told to come again. Zero: no limit.
    token_requests_per_second: float = 300
    # The same for the administrators' interfaces.
    authorization_requests_per_second: float = 225
    identity_provider_requests_per_second: float = 150
    scim_requests_per_second: float = 60
    # Wrong secrets within twenty minutes that lock a client for five; zero: none do.
    client_failures: int = 0
    # Wrong passwords of one address on the login page before more of them are slowed down; zero: none are.
    address_failures: int = 30
    # How long entries of the audit trail are kept; None: for ever.
    audit_kept_for: timedelta | None = None
    # Authorities that the server believes beside the system's when it fetches keys of clients.
    ca_file: Path | None = None
    # Issuers of identity providers that belong to the landscape: what tenants are offered to trust.
    identity_providers: tuple[str, ...] = ()
    # Where providers, metadata and keys may be that tenants name.
    outgoing: AddressPolicy = field(default_factory=AddressPolicy)
    # Master keys of before, until the data keys that they sealed are sealed anew.
    previous_master_keys: tuple[bytes, ...] = field(default=(), repr=False)
    key_rotation: RotationPolicy = field(default_factory=RotationPolicy)
    addresses: TenantAddresses = field(init=False)

    def __post_init__(self) -> None:
        url = _split(self.public_url)
        if url.scheme != "https" or not url.hostname or url.path not in {"", "/"} or url.query or url.fragment:
            # Clients fetch the keys by https whatever we say, so nothing else can work.
            raise ConfigurationError(f"public_url must be https://host[:port], not {self.public_url!r}")
        if not self.platform_client_secret:
            raise ConfigurationError("platform_client_secret must not be empty")
        if not _LABEL.fullmatch(self.subdomain):
            raise ConfigurationError(f"subdomain must be a lower-case host label, not {self.subdomain!r}")
        object.__setattr__(self, "public_url", f"https://{url.netloc.lower()}")
        if self.certificate_url:
            at = _split(self.certificate_url)
            if at.scheme != "https" or not at.hostname or at.path not in {"", "/"} or at.query or at.fragment:
                raise ConfigurationError(f"certificate_url must be https://host[:port], not {self.certificate_url!r}")
            object.__setattr__(self, "certificate_url", f"https://{at.netloc.lower()}")
        _ = self.certificate_networks, self.trusted_authorities  # raise here, at the start
        hosts = (self.host, _split(self.certificate_url).hostname or "") if self.certificate_url else (self.host,)
        template = self.tenant_url or f"https://{PLACEHOLDER}.{self.uaa_domain}"
        object.__setattr__(self, "addresses", TenantAddresses(template, hosts))

    @property
    def certificate_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """The addresses of `certificate_proxies`."""
        return networks(self.certificate_proxies)

    @property
    def trusted_authorities(self) -> tuple[x509.Certificate, ...]:
        """The certificates of `certificate_authorities`."""
        if not self.certificate_authorities:
            return ()
        try:
            return tuple(x509.load_pem_x509_certificates(self.certificate_authorities))
        except UNREADABLE as error:
            raise ConfigurationError("certificate_authorities must be certificates in PEM") from error

    @property
    def uaa_domain(self) -> str:
        """The host, with its port, that serves every tenant."""
        return self.public_url.removeprefix("https://")

    @property
    def host(self) -> str:
        """The host alone."""
        return _split(self.public_url).hostname or ""

    def url_at(self, host: str) -> str:
        """Return the address of this server by another of its names."""
        port = _split(self.public_url).port
        return f"https://{host}" if port is None else f"https://{host}:{port}"

    def service_url(self, label: str) -> str:
        """Return the address of an interface of the landscape: a host of its own where tenants have theirs, too."""
        hosts = self.tenant_url and self.addresses.in_host
        return self.tenant_url.replace(PLACEHOLDER, label).removesuffix("/") if hosts else self.public_url


@lru_cache(maxsize=16)
def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises for a port that is no number
    except ValueError as error:
        raise ConfigurationError(f"public_url {url!r} cannot be understood") from error
    if "@" in parts.netloc:
        raise ConfigurationError("public_url must not carry a user or password")
    return parts
