"""The keys of one database: data keys do the work, and the master key seals nothing but them.

So a new master key is a matter of sealing a few rows anew, and no process has to stop for it: whoever runs has the data
keys already, and whoever starts is told the old master key until the rows are done.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import insert, select, update

from entryway.errors import ConfigurationError
from entryway.storage.schema import Outcome
from entryway.storage.sealing import MASTER_KEY_BYTES, SealError, derive_key
from entryway.storage.tables import DATA_KEYS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from entryway.storage.database import Database

ID_BYTES = 4
# The data key of databases that are older than data keys: their master key itself.
LEGACY = "00000000"
_PURPOSE = "root"
_NONCE_BYTES = 12


@dataclass(frozen=True, slots=True)
class _Opened:
    newest: str
    oldest: str
    roots: Mapping[str, bytes]


class Keyring:
    """The data keys of a database, opened with its master key, or with one that was its master key before."""

    def __init__(self, master_key: bytes, previous: Sequence[bytes] = ()) -> None:
        for key in (master_key, *previous):
            if len(key) != MASTER_KEY_BYTES:
                raise ConfigurationError(f"the master key must have {MASTER_KEY_BYTES} bytes, not {len(key)}")
        self._masters = {_id_of(key): key for key in (*previous, master_key)}
        self._current = _id_of(master_key)
        self._opened: _Opened | None = None

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
                self._opened = _Opened(made[0], made[0], {made[0]: made[1]})
                return 0
            roots = {row.id: self._unsealed(row.id, row.sealed_key) for row in rows}
            outdated = [row.id for row in rows if row.sealed_key[:ID_BYTES].hex() != self._current]
            for name in outdated:
                await session.execute(
                    update(DATA_KEYS).where(DATA_KEYS.c.id == name).values(sealed_key=self._sealed(name, roots[name]))
                )
        self._opened = _Opened(rows[-1].id, rows[0].id, roots)
        return len(outdated)

    @property
    def newest(self) -> str:
        """The id of the data key to seal with."""
        return self._keys.newest

    def key(self, data_key: str, purpose: str) -> bytes:
        """Return what is derived from a data key for one purpose, or raise SealError when there is no such key."""
        root = self._keys.roots.get(data_key)
        if root is None:
            raise SealError(f"there is no data key {data_key}")
        return derive_key(root, purpose)

    def lasting_key(self, purpose: str) -> bytes:
        """Return what is derived from the first data key: digests cannot be made anew, so their key never changes."""
        return self.key(self._keys.oldest, purpose)

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
