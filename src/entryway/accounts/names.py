"""How names that people log in by are compared: whatever they look the same as, they are the same."""

from __future__ import annotations

import unicodedata


def comparable(name: str) -> str:
    """Return a user name, mail address or group name in the form in which such names are compared."""
    return unicodedata.normalize("NFKC", name).strip().casefold()


def same_name(one: str, other: str) -> bool:
    """Return whether two names are one but for upper and lower case; a provider may tell apart what looks the same."""
    return unicodedata.normalize("NFC", one).casefold() == unicodedata.normalize("NFC", other).casefold()
