"""The tables of this service and the revisions that lead to them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from entryway.broker.tables import BrokerTable
from entryway.storage import Schema, Sealed


def _of_binding(part: str, row: Mapping[str, Any]) -> str:
    return json.dumps(["broker", part, row["instance_id"], row["id"]])


SEALED = (
    Sealed("broker_instance", "sealed_parameters", lambda row: json.dumps(["broker", "instance", row["id"]])),
    Sealed("broker_binding", "sealed_parameters", lambda row: _of_binding("parameters", row)),
    Sealed("broker_binding", "sealed_credentials", lambda row: _of_binding("credentials", row)),
    Sealed("broker_operation", "sealed_request", lambda row: json.dumps(["broker", "operation", row["instance_id"]])),
)
SCHEMA = Schema("broker", BrokerTable.metadata, Path(__file__).parent / "revisions", SEALED)
