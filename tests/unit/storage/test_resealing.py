"""Data keys are replaced while processes seal and unseal."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import LargeBinary, insert, select

from entryway.authserver.schema import SCHEMA as AUTHSERVER
from entryway.broker.schema import SCHEMA as BROKER
from entryway.connectivity.schema import SCHEMA as CONNECTIVITY
from entryway.destinations.schema import SCHEMA as DESTINATIONS
from entryway.destinations.tables import DestinationRow
from entryway.errors import ConfigurationError
from entryway.idp.schema import SCHEMA as IDP
from entryway.storage import Database, Keyring, Schema, Sealer, SealError
from entryway.storage.digests import Digests
from entryway.storage.keyring import LOOKED_EVERY, READ_EVERY, SETTLED
from entryway.storage.moments import utc_now
from entryway.storage.resealing import Resealed, reseal
from entryway.testing.databases import DatabaseUrl

KEY = bytes(range(32))
LATER = utc_now() + 2 * SETTLED
(SEALED,) = DESTINATIONS.sealed
# Ends within minutes or hours by itself.
SHORT_LIVED = {
    ("authserver", "login_attempts", "sealed_request"),
    ("authserver", "provider_requests", "sealed"),
    ("idp", "login_attempts", "sealed_goal"),
    ("idp", "login_attempts", "sealed_secret"),
    ("idp", "login_attempts", "sealed_arrival"),
    ("idp", "logouts", "sealed"),
    ("idp", "provider_requests", "sealed"),
    # Sealed by the master key itself.
    *(
        (service, "data_keys", "sealed_key")
        for service in ("authserver", "idp", "broker", "destinations", "connectivity")
    ),
}


class Seconds:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def database(tmp_path: Path, database_url: DatabaseUrl) -> AsyncIterator[Database]:
    made = Database(database_url(tmp_path, "destinations"))
    yield made
    await made.close()


async def keyring_of(database: Database, seconds: Seconds | None = None) -> Keyring:
    keyring = Keyring(KEY, seconds=seconds or Seconds())
    await keyring.open(database, await database.migrate(DESTINATIONS))
    return keyring


async def keep(database: Database, keyring: Keyring, *names: str) -> None:
    async with database.transaction() as session:
        for name in names:
            row = {"zid": "z", "instance_id": "i", "name": name, "modified_at": utc_now(), "etag": "e"}
            sealed = Sealer(keyring).seal(name.encode(), SEALED.purpose(row))
            await session.execute(insert(DestinationRow).values(**row, sealed=sealed))


async def held(database: Database, keyring: Keyring) -> dict[str, tuple[bytes, bytes]]:
    """What the values hold, and what they begin with."""
    table = DestinationRow.__table__
    async with database.transaction() as session:
        rows = (await session.execute(select(table))).mappings().all()
    sealer = Sealer(keyring)
    return {row["name"]: (sealer.unseal(row["sealed"], SEALED.purpose(row)), row["sealed"][1:5]) for row in rows}


async def test_everything_is_sealed_anew_and_older_keys_can_end(database: Database) -> None:
    before = await keyring_of(database)
    names = [f"d{number}" for number in range(7)]
    await keep(database, before, *names)
    digest = Digests(before, "s").of("p", "a")
    old = Sealer(before).seal(b"in a client's hands", "x")
    command = await keyring_of(database)
    newest = await command.add(database)
    assert await reseal(database, DESTINATIONS, command, batch=3) == Resealed(7, 0)
    assert await held(database, command) == {name: (name.encode(), bytes.fromhex(newest)) for name in names}
    assert await reseal(database, DESTINATIONS, command, batch=3) == Resealed(0, 0)
    assert Sealer(command).unseal(old, "x") == b"in a client's hands"
    with pytest.raises(ConfigurationError, match="younger than 15 minutes"):
        await command.end_older(database, utc_now())
    assert await command.end_older(database, LATER) == 1
    after = await keyring_of(database)
    for keyring in (command, after):
        assert (await held(database, keyring))["d3"][0] == b"d3"
        assert Digests(keyring, "s").of("p", "a") == digest
        with pytest.raises(SealError, match="no data key"):
            Sealer(keyring).unseal(old, "x")
    # And once more, though the first key is there for digests alone.
    await after.add(database)
    assert await reseal(database, DESTINATIONS, after) == Resealed(7, 0)
    assert await after.end_older(database, LATER) == 1
    assert Digests(await keyring_of(database), "s").of("p", "a") == digest


async def test_a_process_that_runs_meets_the_new_key(database: Database) -> None:
    seconds = Seconds()
    running = await keyring_of(database, seconds)
    await keep(database, running, "a")
    sealer, first = Sealer(running), running.newest
    kept = sealer.seal(b"kept", "x")
    command = await keyring_of(database)
    newest = await command.add(database)
    # It goes on sealing with the key that it has, and reads what others seal with the new one at once.
    assert sealer.seal(b"y", "x")[1:5].hex() == first
    assert sealer.unseal(Sealer(command).seal(b"new", "x"), "x") == b"new"
    assert sealer.seal(b"y", "x")[1:5].hex() == newest
    await command.end_older(database, LATER)
    assert sealer.unseal(kept, "x") == b"kept"
    seconds.now += READ_EVERY
    _ = running.newest
    with pytest.raises(SealError, match="no data key"):
        sealer.unseal(kept, "x")


async def test_values_with_keys_that_nobody_has_do_not_keep_it_reading(database: Database) -> None:
    seconds = Seconds()
    running = await keyring_of(database, seconds)
    sealer, state = Sealer(running), []
    for now in (0.0, 0.5, LOOKED_EVERY):
        seconds.now = now
        with pytest.raises(SealError):
            sealer.unseal(b"\x02abcd" + bytes(40), "x")
        state.append(running.state)
    assert state[0] is state[1]
    assert state[1] is not state[2]


async def test_an_interrupted_run_goes_on(database: Database) -> None:
    keyring = await keyring_of(database)
    await keep(database, keyring, *(f"d{number}" for number in range(6)))
    newest = await keyring.add(database)
    asked: list[str] = []

    def purpose(row: Mapping[str, Any]) -> str:
        asked.append(row["name"])
        if len(asked) > 3:
            raise KeyboardInterrupt
        return SEALED.purpose(row)

    interrupted = replace(DESTINATIONS, sealed=(replace(SEALED, purpose=purpose),))
    with pytest.raises(KeyboardInterrupt):
        await reseal(database, interrupted, keyring, batch=1)
    left = sum(begins != bytes.fromhex(newest) for _, begins in (await held(database, keyring)).values())
    assert left == 3
    assert await reseal(database, DESTINATIONS, keyring) == Resealed(left, 0)


async def test_what_does_not_open_is_passed_over_and_told(database: Database) -> None:
    keyring = await keyring_of(database)
    await keep(database, keyring, "a", "b", "c")
    async with database.transaction() as session:
        table = DestinationRow.__table__
        broken = Sealer(keyring).seal(b"b", "for something else")
        await session.execute(table.update().where(table.c.name == "b").values(sealed=broken))
    await keyring.add(database)
    assert await reseal(database, DESTINATIONS, keyring, batch=1) == Resealed(2, 1)


@pytest.mark.parametrize(
    "schema", [AUTHSERVER, IDP, BROKER, DESTINATIONS, CONNECTIVITY], ids=lambda schema: schema.service
)
def test_every_sealed_column_is_known(schema: Schema) -> None:
    found = {
        (schema.service, table.name, column.name)
        for table in schema.metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, LargeBinary) and column.name.startswith("sealed")
    }
    known = {(schema.service, each.table, each.column) for each in schema.sealed}
    assert found - SHORT_LIVED == known
