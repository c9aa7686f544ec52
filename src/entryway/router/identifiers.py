"""Names for requests, cheap and unlikely to meet again; they protect nothing."""

from __future__ import annotations

import random

_chance = random.Random()  # noqa: S311 - names, not secrets; seeded by the system
_bits = _chance.getrandbits


def new_request_id() -> str:
    """Return a short name for a request."""
    return f"{_bits(64):016x}"


def new_uuid() -> str:
    """Return a random UUID (version 4) as text."""
    digits = f"{_bits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"
