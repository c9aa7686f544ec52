"""What each half of the connectivity service must be told."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from entryway.http import Timeouts
from entryway.tunnel.admin import AdminAddress
from entryway.tunnel.demand import DemandLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class PairingSettings:
    """The pairing API."""

    public_url: str
    uaa_url: str
    database_url: str
    master_key: bytes = field(repr=False)
    # Master keys of before, until the data keys that they sealed are sealed anew.
    previous_master_keys: tuple[bytes, ...] = field(default=(), repr=False)
    ca_file: Path
    """Whom to believe when fetching token keys; also what connectors are told to believe at the gateway."""
    gateway_host: str = "localhost"
    gateway_port: int = 8444
    authority_file: Path | None = None
    """Where to write the certificate of the tunnel's authority at start, for the gateway to read."""
    token_lifetime: timedelta = timedelta(minutes=10)
    certificate_lifetime: timedelta = timedelta(days=365)
    attempts_per_minute: int = 20
    """Pairing attempts allowed to one address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataPlaneSettings:
    """The HTTP proxy and the gateway."""

    uaa_url: str
    pairing_url: str
    """Where the pairing API says which connectors were revoked."""
    ca_file: Path
    """Whom to believe at both."""
    tunnel_ca_file: Path
    """The authority whose certificates connectors must show: what `PairingSettings.authority_file` wrote."""
    certificate_file: Path
    key_file: Path
    """What the gateway proves itself with."""
    proxy_host: str = "127.0.0.1"
    proxy_port: int = 20003
    gateway_host: str = "127.0.0.1"
    gateway_port: int = 8444
    demand: DemandLimits = field(default_factory=DemandLimits)
    ping_seconds: float = 15.0
    open_seconds: float = 10.0
    """How long a request waits for a connection of the tunnel."""
    timeouts: Timeouts = field(default_factory=lambda: Timeouts(connect=None, response=180.0, body=180.0))
    """Towards the connector, which itself limits how long a system may take."""
    grace_seconds: float = 5.0
    admin: AdminAddress | None = None
    """Where metrics and health are told."""
