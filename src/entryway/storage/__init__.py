"""Where services keep what they know: a SQL database, and the seal on what must not be read in it."""

from entryway.storage.changes import UNNOTICED, Changes, Watched
from entryway.storage.columns import Moment
from entryway.storage.database import Database, Table, table_metadata
from entryway.storage.keyring import Keyring
from entryway.storage.remembered import Remembered
from entryway.storage.schema import Outcome, Schema, Sealed
from entryway.storage.sealing import MASTER_KEY_BYTES, Sealer, SealError, derive_key

__all__ = [
    "MASTER_KEY_BYTES",
    "UNNOTICED",
    "Changes",
    "Database",
    "Keyring",
    "Moment",
    "Outcome",
    "Remembered",
    "Schema",
    "SealError",
    "Sealed",
    "Sealer",
    "Table",
    "Watched",
    "derive_key",
    "table_metadata",
]
