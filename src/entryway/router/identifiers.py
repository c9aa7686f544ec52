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
    bits = _bits(128)
    return (
        f"{bits >> 96:08x}-{bits >> 80 & 0xFFFF:04x}-4{bits >> 64 & 0xFFF:03x}"
        f"-{0x8000 | bits >> 48 & 0x3FFF:04x}-{bits & 0xFFFFFFFFFFFF:012x}"
    )
