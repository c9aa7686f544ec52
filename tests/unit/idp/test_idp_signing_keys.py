"""Which keys of the identity provider sign at a moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from entryway.idp.schema import SCHEMA
from entryway.idp.signing_keys import NoSigningKey, SigningKeys
from entryway.storage import Database, Keyring, Sealer

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


async def test_a_clock_that_is_behind_every_key_is_told(tmp_path: Path) -> None:
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'idp.db'}")
    keyring = Keyring(bytes(range(32)))
    await keyring.open(database, await database.migrate(SCHEMA))
    keys = SigningKeys(database, Sealer(keyring), lambda: NOW)
    await keys.create_first()
    assert len((await keys.ring()).published) == 1

    behind = SigningKeys(database, Sealer(keyring), lambda: NOW - timedelta(hours=1))
    with pytest.raises(NoSigningKey) as refused:
        await behind.ring()
    assert refused.value.detail == f"the first key signs from {NOW} on, and the clock says {NOW - timedelta(hours=1)}"
    await database.close()
