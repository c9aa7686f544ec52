"""The tables of this service and the revisions that lead to them."""

from __future__ import annotations

from pathlib import Path

from entryway.destinations.tables import DestinationTable
from entryway.storage import Schema

SCHEMA = Schema("destinations", DestinationTable.metadata, Path(__file__).parent / "revisions")
