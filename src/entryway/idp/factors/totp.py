"""Codes of authenticator apps (RFC 6238): six digits, half a minute, HMAC-SHA-1, as every app knows them."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

if TYPE_CHECKING:
    from datetime import datetime

SECRET_BYTES = 20
STEP_SECONDS = 30
DIGITS = 6
# Clocks of telephones differ a little, and people type slowly (RFC 6238 §5.2).
_STEPS_AROUND = (0, -1, 1)


def code_at(secret: bytes, step: int) -> str:
    """Return the code of one time step (RFC 4226 §5.3)."""
    digest = hmac.digest(secret, step.to_bytes(8), hashlib.sha1)
    offset = digest[-1] & 0xF
    number = int.from_bytes(digest[offset : offset + 4]) & 0x7FFF_FFFF
    return str(number % 10**DIGITS).zfill(DIGITS)


def matching_step(secret: bytes, code: str, now: datetime) -> int | None:
    """Return the time step that a code belongs to, None if it is no code of about now."""
    given = "".join(code.split())
    current = int(now.timestamp()) // STEP_SECONDS
    matching = [
        current + offset
        for offset in _STEPS_AROUND
        if hmac.compare_digest(given.encode(), code_at(secret, current + offset).encode())
    ]
    return matching[0] if matching else None


def readable(secret: bytes) -> str:
    """Return a secret as people type it."""
    return base64.b32encode(secret).decode().rstrip("=")


def address(secret: bytes, account: str, issuer: str) -> str:
    """Return what the QR code says (the key URI format that apps read)."""
    label = quote(f"{issuer}:{account}", safe="")
    parameters = {"secret": readable(secret), "issuer": issuer, "algorithm": "SHA1", "digits": DIGITS, "period": 30}
    return f"otpauth://totp/{label}?{urlencode(parameters, quote_via=quote)}"
