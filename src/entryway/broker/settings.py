"""What the broker must be told."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerSettings:
    """`public_url` is also where the destination service is, unless `destination_url` says otherwise."""

    public_url: str
    uaa_url: str
    database_url: str
    master_key: bytes = field(repr=False)
    # Master keys of before, until the data keys that they sealed are sealed anew.
    previous_master_keys: tuple[bytes, ...] = field(default=(), repr=False)
    platform_client_secret: str = field(repr=False)
    ca_file: Path | None = None
    destination_url: str = ""
    identity_provider_url: str = ""
    """Where instances of `identity` are applications; it knows us by the platform client's secret."""
    onpremise_proxy_host: str = "localhost"
    onpremise_proxy_port: int = 20003

    @property
    def destination_uri(self) -> str:
        return (self.destination_url or self.public_url).rstrip("/")
