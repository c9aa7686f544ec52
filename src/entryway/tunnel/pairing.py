"""What a connector and the pairing API say to each other: once to pair, and before each of its certificates ends.

And what the pairing API tells gateways: which connectors they must not let in.
"""

from __future__ import annotations

from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from pydantic import BaseModel, ConfigDict, Field

from entryway.tunnel.identity import LOCATION_ID_LENGTH, LOCATION_ID_PATTERN

TOKENS_PATH = "/connectivity/v1/pairing-tokens"
PAIRING_PATH = "/connectivity/v1/pairing"
RENEWAL_PATH = "/connectivity/v1/renewal"
# At the control plane who was paired, on the proxy's port who is connected.
CONNECTORS_PATH = "/connectivity/v1/connectors"
REVOKED_PATH = "/connectivity/v1/revoked-connectors"


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class _Lenient(BaseModel):
    """An answer: a later version may add to it."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class PairingTokenRequest(_Strict):
    """Asks for a token with which one connector may pair once, for one location of one tenant."""

    zid: str | None = Field(default=None, min_length=1, max_length=64, pattern=r"^[A-Za-z0-9-]+$")
    """The tenant; the one of the caller's own token if it is not given."""
    location_id: str = Field(default="", max_length=LOCATION_ID_LENGTH, pattern=LOCATION_ID_PATTERN)


class PairingToken(_Lenient):
    """The one time that the token is seen; only its hash is kept."""

    token: str = Field(repr=False)
    zid: str
    location_id: str
    expires_at: datetime


class PairingRequest(_Strict):
    """Shows the token and asks for a certificate; `csr` (PEM) proves that the connector holds the key."""

    token: str = Field(min_length=1, max_length=200, repr=False)
    csr: str = Field(min_length=1, max_length=8192)
    location_id: str | None = Field(default=None, max_length=LOCATION_ID_LENGTH, pattern=LOCATION_ID_PATTERN)
    """If given, it must be the location that the token was made for."""


class RenewalRequest(_Strict):
    """Asks for the next certificate of a connector that has one; `csr` (PEM) proves that it holds the next key."""

    certificate: str = Field(min_length=1, max_length=8192)
    """The one that it has, and that has not ended (PEM)."""
    csr: str = Field(min_length=1, max_length=8192)
    signature: str = Field(min_length=1, max_length=1024)
    """Of what `to_sign` returns, with the key of that certificate, ECDSA over SHA-256 in base64."""


def to_sign(csr: x509.CertificateSigningRequest) -> bytes:
    """Return what the holder of a certificate signs to have the next one."""
    return b"entryway connector renewal\n" + csr.public_bytes(serialization.Encoding.DER)


class Gateway(_Lenient):
    """Where to dial, and whom to believe there (PEM)."""

    host: str = Field(min_length=1)
    port: int = Field(ge=1, le=65535)
    trust: str


class Pairing(_Lenient):
    """Everything that a connector needs to dial."""

    connector_id: str
    zid: str
    location_id: str
    certificate: str
    expires_at: datetime
    gateway: Gateway


class RevokedConnectors(_Lenient):
    """The connectors that no gateway may let in although their certificates have not ended."""

    connectors: frozenset[str]
