"""The key that signs SAML messages, with the certificate that partners know it by."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sqlalchemy import select

from entryway.idp import tables
from entryway.saml.keys import KeyPair, new_key_pair

if TYPE_CHECKING:
    from entryway.idp.settings import IdpSettings
    from entryway.storage import Database, Sealer
    from entryway.storage.moments import Clock

_PURPOSE = "idp-saml-key"


class SamlKeys:
    """Made at the first use: partners take it over by hand or from the metadata, so that it stays."""

    def __init__(self, settings: IdpSettings, database: Database, sealer: Sealer, clock: Clock) -> None:
        self._settings = settings
        self._database = database
        self._sealer = sealer
        self._clock = clock
        self._pair: KeyPair | None = None
        self._making = asyncio.Lock()

    async def pair(self) -> KeyPair:
        """Return the key."""
        async with self._making:
            if self._pair is None:
                self._pair = await self._load() or await self._make()
            return self._pair

    async def _load(self) -> KeyPair | None:
        query = select(tables.SamlKeyRow).order_by(tables.SamlKeyRow.created_at).limit(1)
        async with self._database.read() as session:
            row = (await session.execute(query)).scalar_one_or_none()
        if row is None:
            return None
        return KeyPair(row.certificate_pem, self._sealer.unseal(row.sealed_private_key, _PURPOSE))

    async def _make(self) -> KeyPair:
        now = self._clock()
        made = await asyncio.to_thread(new_key_pair, f"{self._settings.host} SAML", now)
        row = tables.SamlKeyRow(
            fingerprint=made.certificate.serial_number.to_bytes(20).hex(),
            certificate_pem=made.certificate_pem,
            sealed_private_key=self._sealer.seal(made.private_pem, _PURPOSE),
            created_at=now,
        )
        async with self._database.transaction() as session:
            session.add(row)
        # Of two processes that make one at the same moment, both use the older.
        return await self._load() or made
