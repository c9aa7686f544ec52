"""The token against forged changes: derived from the user and a key of this process, so nothing is stored."""

from __future__ import annotations

import hashlib
import hmac

from products_onpremise.errors import CsrfTokenMissing


def issue(key: bytes, user: str) -> str:
    return hmac.new(key, user.encode(), hashlib.sha256).hexdigest()


def check(key: bytes, user: str, token: str | None) -> None:
    """Raise unless the token is the one that was issued to this user."""
    if token is None or not hmac.compare_digest(token.encode(), issue(key, user).encode()):
        raise CsrfTokenMissing("CSRF token validation failed")
