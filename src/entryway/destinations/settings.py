"""What the destination service must be told."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

XSAPPNAME = "destination-xsappname!b1"


@dataclass(frozen=True, slots=True, kw_only=True)
class DestinationSettings:
    """`uaa_url` is where the authorization server gives out its keys; `ca_file` whom to believe there."""

    public_url: str
    uaa_url: str
    database_url: str
    master_key: bytes = field(repr=False)
    # Master keys of before, until the data keys that they sealed are sealed anew.
    previous_master_keys: tuple[bytes, ...] = field(default=(), repr=False)
    ca_file: Path | None = None
    xsappname: str = XSAPPNAME
    entities: int = 1000
    """How many destinations one level may have."""
