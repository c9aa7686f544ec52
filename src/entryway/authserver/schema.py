"""The tables of this service and the revisions that lead to them."""

from __future__ import annotations

from pathlib import Path

from entryway.authserver.tables import AuthServerTable
from entryway.storage import Schema

SCHEMA = Schema("authserver", AuthServerTable.metadata, Path(__file__).parent / "revisions")
