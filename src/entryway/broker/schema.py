"""The tables of this service and the revisions that lead to them."""

from __future__ import annotations

from pathlib import Path

from entryway.broker.tables import BrokerTable
from entryway.storage import Schema

SCHEMA = Schema("broker", BrokerTable.metadata, Path(__file__).parent / "revisions")
