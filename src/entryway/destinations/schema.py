"""The tables of this service and the revisions that lead to them."""

from __future__ import annotations

import json
from pathlib import Path

from entryway.destinations.tables import DestinationTable
from entryway.storage import Schema, Sealed

SEALED = (
    Sealed(
        "destination",
        "sealed",
        lambda row: json.dumps(["destination", row["zid"], row["instance_id"], row["name"]]),
    ),
)
SCHEMA = Schema("destinations", DestinationTable.metadata, Path(__file__).parent / "revisions", SEALED)
