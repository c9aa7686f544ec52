"""How many connections the gateway wants from a connector, decided from what it has."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DemandLimits:
    """Bounds of one connector's connections."""

    spare: int = 4
    """So many stand ready beyond those in use, so that a request need not wait for a handshake."""
    maximum: int = 1024
    at_once: int = 64
    """So many may be asked for and not yet be there: handshakes cost both ends, and a burst passes."""


@dataclass(frozen=True, slots=True)
class Supply:
    """What one tunnel has at a moment."""

    idle: int
    busy: int
    asked: int
    """Asked for and neither arrived nor given up."""
    waiting: int
    """Requests without a connection."""


def wanted(supply: Supply, limits: DemandLimits) -> int:
    """Return how many more connections to ask for now."""
    missing = supply.waiting + limits.spare - supply.idle - supply.asked
    room = limits.maximum - supply.idle - supply.busy - supply.asked
    return max(0, min(missing, room, limits.at_once - supply.asked))
