"""The tables of this service and the revisions that lead to them."""

from __future__ import annotations

from pathlib import Path

from entryway.connectivity.tables import ConnectivityTable
from entryway.storage import Schema, Sealed

SEALED = (Sealed("connectivity_authority", "sealed_key", lambda _: "connectivity/authority-key"),)
SCHEMA = Schema("connectivity", ConnectivityTable.metadata, Path(__file__).parent / "revisions", SEALED)
