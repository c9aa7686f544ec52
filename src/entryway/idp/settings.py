"""What an identity provider must be told to run."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from entryway.clients.outgoing_addresses import AddressPolicy
from entryway.errors import ConfigurationError
from entryway.web.client_certificates import CLIENT_CERTIFICATE_HEADER, networks
from entryway.web.pages import Branding


@dataclass(frozen=True, slots=True)
class MailSettings:
    """Where mail goes: to a server, or into a folder for development; without either, nothing is sent."""

    sender: str = "identity@localhost"
    folder: Path | None = None
    host: str = ""
    port: int = 587
    user: str = ""
    password: str = field(default="", repr=False)
    starttls: bool = True


@dataclass(frozen=True, slots=True)
class IdpSettings:
    """`public_url` is how everybody reaches the identity provider: `https://host[:port]`, no path; its issuer."""

    public_url: str
    database_url: str
    master_key: bytes = field(repr=False)
    admin_client_secret: str = field(repr=False)
    branding: Branding = field(default_factory=Branding)
    mail: MailSettings = MailSettings()
    # Proxies in front that tell us in a header which certificate an application came with.
    certificate_proxies: tuple[str, ...] = ()
    certificate_header: str = CLIENT_CERTIFICATE_HEADER
    # How many wrong passwords one address may send at once, and how many mails it may have sent; zero: no limit.
    address_failures: int = 30
    address_mails: int = 30
    # Master keys of before, until the data keys that they sealed are sealed anew.
    previous_master_keys: tuple[bytes, ...] = field(default=(), repr=False)
    # How long entries of the audit trail are kept; None: for ever.
    audit_kept_for: timedelta | None = None
    ca_file: Path | None = None
    """An authority to believe besides the system's: of applications that are told of logouts, and the mail server."""
    outgoing: AddressPolicy = field(default_factory=AddressPolicy)
    """Where providers, keys of applications and those may be that are told of logouts."""

    def __post_init__(self) -> None:
        url = _split(self.public_url)
        if url.scheme != "https" or not url.hostname or url.path not in {"", "/"} or url.query or url.fragment:
            # Passkeys and clients insist on https, so nothing else can work.
            raise ConfigurationError(f"public_url must be https://host[:port], not {self.public_url!r}")
        if not self.admin_client_secret:
            raise ConfigurationError("admin_client_secret must not be empty")
        object.__setattr__(self, "public_url", f"https://{url.netloc.lower()}")
        _ = self.certificate_networks  # raise here, at the start

    @property
    def certificate_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """The addresses of `certificate_proxies`."""
        return networks(self.certificate_proxies)

    @property
    def host(self) -> str:
        """The host alone: what passkeys belong to."""
        return _split(self.public_url).hostname or ""

    @property
    def domain(self) -> str:
        """What applications trust tokens from: libraries want an issuer to be one label below it, with its port."""
        netloc = _split(self.public_url).netloc
        return netloc.partition(".")[2] if "." in self.host and not self.host[-1].isdigit() else self.host


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises for a port that is no number
    except ValueError as error:
        raise ConfigurationError(f"public_url {url!r} cannot be understood") from error
    if "@" in parts.netloc:
        raise ConfigurationError("public_url must not carry a user or password")
    return parts
