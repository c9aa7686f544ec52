"""The keys of one database: data keys do the work, and the master key seals nothing but them.

So a new master key is a matter of sealing a few rows anew, and no process has to stop for it: whoever runs has the data
keys already, and whoever starts is told the old master key until the rows are done. A new data key takes over from the
one before while processes run: whoever meets a value that it sealed reads the data keys again, and everybody does now
and then.
"""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from entryway.errors import ConfigurationError, EntrywayError
from entryway.storage.schema import Outcome
from entryway.storage.sealing import MASTER_KEY_BYTES, SealError, derive_key
from entryway.storage.tables import DATA_KEYS
from entryway.telemetry import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy import URL
    from sqlalchemy.ext.asyncio import AsyncSession

    from entryway.storage.database import Database

ID_BYTES = 4
# The data key of databases that are older than data keys: their master key itself.
LEGACY = "00000000"
_PURPOSE = "root"
# What is left of a data key that has ended: digests were made with the first one, and cannot be made anew.
_FOR_DIGESTS = "digests"
# How old what a process knows of the data keys may become, in seconds; and how often a value that names an unknown one
# makes it look: such values come from strangers, too.
READ_EVERY = 600.0
LOOKED_EVERY = 1.0

_PATIENCE_SECONDS = 2.0
# When no process seals with an older key any more.
SETTLED = timedelta(minutes=15)

log = get_logger(__name__)
_NONCE_BYTES = 12


@dataclass(frozen=True, slots=True)
class _Opened:
    newest: str
    newest_since: datetime
    roots: Mapping[str, bytes]
    # The first data key, whether or not it opens anything any more.
    lasting: bytes
    # Told apart by identity: what was derived from the keys before must not be used any more.
    at: float


class Keyring:
    """The data keys of a database, opened with its master key, or with one that was its master key before."""

    def __init__(
        self, master_key: bytes, previous: Sequence[bytes] = (), seconds: Callable[[], float] = time.monotonic
    ) -> None:
        for key in (master_key, *previous):
            if len(key) != MASTER_KEY_BYTES:
                raise ConfigurationError(f"the master key must have {MASTER_KEY_BYTES} bytes, not {len(key)}")
        self._masters = {_id_of(key): key for key in (*previous, master_key)}
        self._current = _id_of(master_key)
        self._opened: _Opened | None = None
        self._seconds = seconds
        self._looked_at = -LOOKED_EVERY
        self._url: URL | None = None
        self._reading: Thread | None = None

    async def open(self, database: Database, outcome: Outcome = Outcome.CURRENT) -> int:
        """Read the data keys, make the first one, and seal anew what an older master key sealed; return how many."""
        async with database.transaction() as session:
            await database.lock(session, DATA_KEYS.name)
            rows = (await session.execute(select(DATA_KEYS).order_by(DATA_KEYS.c.created_at))).all()
            if not rows:
                # A database that held something before has it sealed with the master key itself.
                made = (
                    (os.urandom(ID_BYTES).hex(), os.urandom(MASTER_KEY_BYTES))
                    if outcome == Outcome.CREATED
                    else (LEGACY, self._masters[self._current])
                )
                await self._keep(session, *made)
                self._url = database.engine.url
                self._opened = _Opened(made[0], datetime.now(UTC), {made[0]: made[1]}, made[1], self._seconds())
                return 0
            roots = {row.id: self._unsealed(row.id, row.sealed_key) for row in rows}
            outdated = [row.id for row in rows if row.sealed_key[:ID_BYTES].hex() != self._current]
            for name in outdated:
                await session.execute(
                    update(DATA_KEYS).where(DATA_KEYS.c.id == name).values(sealed_key=self._sealed(name, roots[name]))
                )
        self._url = database.engine.url
        working = {row.id: roots[row.id] for row in rows if row.purpose == _PURPOSE}
        newest = rows[-1]
        self._opened = _Opened(newest.id, newest.created_at, working, roots[rows[0].id], self._seconds())
        return len(outdated)

    async def add(self, database: Database) -> str:
        """Make a data key that seals from now on, and return its id."""
        name = os.urandom(ID_BYTES).hex()
        async with database.transaction() as session:
            await database.lock(session, DATA_KEYS.name)
            await self._keep(session, name, os.urandom(MASTER_KEY_BYTES))
        await self.open(database)
        return name

    async def end_older(self, database: Database, now: datetime) -> int:
        """Let no data key but the newest open anything any more; return how many have ended."""
        if now - self._keys.newest_since < SETTLED:
            raise ConfigurationError(
                "the newest data key is younger than 15 minutes: services may still seal with others"
            )
        ended = [name for name in self._keys.roots if name != self._keys.newest]
        first = select(DATA_KEYS.c.id).order_by(DATA_KEYS.c.created_at).limit(1)
        async with database.transaction() as session:
            await database.lock(session, DATA_KEYS.name)
            of_digests = (await session.execute(first)).scalar_one()
            mine = DATA_KEYS.c.id.in_(ended)
            await session.execute(delete(DATA_KEYS).where(mine, DATA_KEYS.c.id != of_digests))
            kept = update(DATA_KEYS).where(mine, DATA_KEYS.c.id == of_digests)
            await session.execute(kept.values(purpose=_FOR_DIGESTS))
        await self.open(database)
        return len(ended)

    @property
    def newest(self) -> str:
        """The id of the data key to seal with."""
        if self._seconds() - self._keys.at >= READ_EVERY:
            self._read_again()
        return self._keys.newest

    @property
    def state(self) -> object:
        """What is another object whenever the data keys were read again."""
        return self._opened

    def key(self, data_key: str, purpose: str) -> bytes:
        """Return what is derived from a data key for one purpose, or raise SealError when there is no such key."""
        root = self._keys.roots.get(data_key)
        if root is None and self._seconds() - self._looked_at >= LOOKED_EVERY:
            self._looked_at = self._seconds()
            self._read_again()
            root = self._keys.roots.get(data_key)
        if root is None:
            raise SealError(f"there is no data key {data_key}")
        return derive_key(root, purpose)

    def lasting_key(self, purpose: str) -> bytes:
        """Return what is derived from the first data key: digests cannot be made anew, so their key never changes."""
        return derive_key(self._keys.lasting, purpose)

    def _read_again(self) -> None:
        """Read the data keys, in a thread because whoever seals may be in an event loop; it is rare enough to wait."""
        reading = self._reading
        if reading is None or not reading.is_alive():
            reading = self._reading = Thread(target=lambda: asyncio.run(self._reread()), daemon=True)
            reading.start()
        reading.join(_PATIENCE_SECONDS)

    async def _reread(self) -> None:
        from entryway.storage.database import Database  # noqa: PLC0415 - which reads this module first

        if self._url is None:
            return
        database = Database(self._url.render_as_string(hide_password=False))
        try:
            await self.open(database)
        except (EntrywayError, SQLAlchemyError, OSError) as error:
            log.warning("data_keys_not_read", reason=str(error))
            # Not at once again.
            self._opened = replace(self._keys, at=self._seconds())
        finally:
            await database.close()

    @property
    def _keys(self) -> _Opened:
        if self._opened is None:
            message = "the keyring has not been opened"
            raise RuntimeError(message)
        return self._opened

    async def _keep(self, session: AsyncSession, name: str, root: bytes) -> None:
        await session.execute(
            insert(DATA_KEYS).values(
                id=name, purpose=_PURPOSE, sealed_key=self._sealed(name, root), created_at=datetime.now(UTC)
            )
        )

    def _sealed(self, name: str, root: bytes) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        cipher = AESGCM(derive_key(self._masters[self._current], "data-keys"))
        return bytes.fromhex(self._current) + nonce + cipher.encrypt(nonce, root, name.encode())

    def _unsealed(self, name: str, sealed: bytes) -> bytes:
        master = self._masters.get(sealed[:ID_BYTES].hex())
        if master is None:
            raise SealError("the data keys were sealed by another master key")
        nonce, ciphertext = sealed[ID_BYTES : ID_BYTES + _NONCE_BYTES], sealed[ID_BYTES + _NONCE_BYTES :]
        try:
            return AESGCM(derive_key(master, "data-keys")).decrypt(nonce, ciphertext, name.encode())
        except InvalidTag as error:
            raise SealError(f"the seal on the data key {name} does not hold") from error


def _id_of(master_key: bytes) -> str:
    return derive_key(master_key, "master-key-id")[:ID_BYTES].hex()
