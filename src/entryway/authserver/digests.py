"""Keyed digests of the authorization server's random secrets: client secrets, codes, refresh tokens, cookies."""

from __future__ import annotations

from entryway.storage import Keyring, digests
from entryway.storage.digests import RANDOM_BYTES, random_text

__all__ = ["RANDOM_BYTES", "Digests", "random_text"]


class Digests(digests.Digests):
    """Digests under the authorization server's own key."""

    def __init__(self, keyring: Keyring) -> None:
        super().__init__(keyring, "authserver")
