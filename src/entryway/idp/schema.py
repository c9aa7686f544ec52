"""The tables of this service and the revisions that lead to them."""

from __future__ import annotations

from pathlib import Path

from entryway.idp.tables import IdpTable
from entryway.storage import Schema

SCHEMA = Schema("idp", IdpTable.metadata, Path(__file__).parent / "revisions")
