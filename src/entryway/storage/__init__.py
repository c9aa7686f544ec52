"""Where services keep what they know: a SQL database, and the seal on what must not be read in it."""

from entryway.storage.columns import Moment
from entryway.storage.database import Database, Table, table_metadata
from entryway.storage.keyring import Keyring
from entryway.storage.schema import Outcome, Schema
from entryway.storage.sealing import MASTER_KEY_BYTES, Sealer, SealError, derive_key

__all__ = [
    "MASTER_KEY_BYTES",
    "Database",
    "Keyring",
    "Moment",
    "Outcome",
    "Schema",
    "SealError",
    "Sealer",
    "Table",
    "derive_key",
    "table_metadata",
]
