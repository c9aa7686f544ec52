"""What a connector and the pairing API say to each other, once in a connector's life."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from entryway.tunnel.identity import LOCATION_ID_LENGTH, LOCATION_ID_PATTERN

TOKENS_PATH = "/connectivity/v1/pairing-tokens"
PAIRING_PATH = "/connectivity/v1/pairing"


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
