"""What an authorization server must be told to run."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

from entryway.errors import ConfigurationError

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
    product_name: str = "Entryway"

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

    @property
    def uaa_domain(self) -> str:
        """The host, with its port, that serves every tenant."""
        return self.public_url.removeprefix("https://")

    @property
    def host(self) -> str:
        """The host alone."""
        return _split(self.public_url).hostname or ""


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises for a port that is no number
    except ValueError as error:
        raise ConfigurationError(f"public_url {url!r} cannot be understood") from error
    if "@" in parts.netloc:
        raise ConfigurationError("public_url must not carry a user or password")
    return parts
