"""Refresh tokens that hold what they stand for, sealed: nothing is stored for them unless they are ended.

Exchanges of user tokens happen with almost every call between applications; their refresh tokens are hardly ever used.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json, to_json

from entryway.storage import SealError

if TYPE_CHECKING:
    from entryway.storage import Sealer

PREFIX = "s."
LONGEST = 16 * 1024


@dataclass(frozen=True, slots=True)
class SealedRefreshTokens:
    """Makes and opens them; each is for one tenant."""

    sealer: Sealer

    def seal(self, zid: str, content: dict[str, Any]) -> str:
        """Return a refresh token that holds `content`."""
        sealed = self.sealer.seal(to_json(content), _purpose(zid))
        return PREFIX + base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()

    def open(self, zid: str, token: str) -> dict[str, Any] | None:
        """Return what a refresh token holds, None if it is not one of these, or of another tenant."""
        encoded = token.removeprefix(PREFIX)
        if not token.startswith(PREFIX) or len(token) > LONGEST:
            return None
        try:
            # As `base64.b64decode` does with `altchars`, without its way there.
            padded = f"{encoded}{'=' * (-len(encoded) % 4)}".replace("-", "+").replace("_", "/")
            sealed = binascii.a2b_base64(padded, strict_mode=True)
            content: dict[str, Any] = from_json(self.sealer.unseal(sealed, _purpose(zid)))
        except (binascii.Error, ValueError, SealError):
            return None
        return content


def moment(seconds: float) -> datetime:
    """Return a moment that was stored as seconds."""
    return datetime.fromtimestamp(seconds, UTC)


def _purpose(zid: str) -> str:
    return f"refresh-token/{zid}"
