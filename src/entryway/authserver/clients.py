"""The OAuth clients of all tenants: found, and known by what proves them."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import update

from entryway.authserver import tables
from entryway.authserver.client_loading import load_certificates, load_client, load_digests
from entryway.oauth.errors import BadCredentials
from entryway.storage import UNNOTICED, Remembered
from entryway.storage.moments import seconds_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement

    from entryway.authserver.client import Client
    from entryway.authserver.digests import Digests
    from entryway.authserver.moments import Clock
    from entryway.oauth.client_certificates import AcceptedCertificate
    from entryway.oauth.credentials import PresentedCredentials
    from entryway.storage import Changes, Database

MOST_REMEMBERED = 20_000
# How exactly the last use of a secret or certificate is known: each token would be a write otherwise.
USE_NOTED_EVERY = 60.0  # seconds
SECRET_PURPOSE = "client-secret"  # noqa: S105 - the name of a purpose


@dataclass(frozen=True, slots=True)
class _Known:
    """A client as it was read, with the digests of its secrets and the certificates that it may come with."""

    client: Client
    digests: Sequence[bytes]
    certificates: Sequence[AcceptedCertificate]


class Clients:
    """The clients of all tenants; those in use are kept in memory until something changes."""

    def __init__(self, database: Database, digests: Digests, clock: Clock, changes: Changes) -> None:
        self._database = database
        self._digests = digests
        self._clock = clock
        self._known: Remembered[str, _Known] = Remembered(changes, (tables.TENANT,), MOST_REMEMBERED)
        self._seconds = seconds_of(clock)
        self._used: dict[tuple[str, str, str | bytes], float] = {}

    async def find(self, zid: str, client_id: str) -> Client | None:
        """Return the client, None when there is none by that id."""
        known = await self._read(zid, client_id)
        return known.client if known else None

    async def find_by_instance(self, zid: str, instance_id: str) -> Client | None:
        """Return the client of an application, None when there is no such application."""
        async with self._database.read() as session:
            return await load_client(session, zid, tables.ClientRow.instance_id, instance_id)

    async def authenticate(self, zid: str, readings: Sequence[PresentedCredentials]) -> Client:
        """Return the client that one of the readings proves, or raise BadCredentials."""
        for presented in readings:
            known = await self._read(zid, presented.client_id)
            bound_in = known.client.bindings_zid if known else zid
            digest = self._digests.of(SECRET_PURPOSE, bound_in, presented.secret)
            matches = [hmac.compare_digest(digest, candidate) for candidate in known.digests] if known else []
            if known and any(matches):
                if self._is_new_use(known.client, digest):
                    table = tables.BindingSecret
                    await self._note_used(known.client, table, table.digest == digest)
                return known.client
        raise BadCredentials(detail=f"client {readings[0].client_id!r} is unknown or its secret is wrong")

    async def certificates_of(self, zid: str, client_id: str) -> tuple[Client, Sequence[AcceptedCertificate]] | None:
        """Return a client with the certificates that prove it, None when there is no such client."""
        known = await self._read(zid, client_id)
        return (known.client, known.certificates) if known else None

    async def note_renewed(self, client: Client, accepted: AcceptedCertificate, issued_at: datetime) -> None:
        """Remember the newest certificate of a binding without pinning: older ones are not accepted any more."""
        table = tables.BindingCertificate
        mine = (
            table.zid == client.bindings_zid,
            table.instance_id == client.instance_id,
            table.thumbprint == accepted.thumbprint,
            table.issued_at < issued_at,
        )
        async with self._database.transaction() as session:
            await session.execute(update(table).where(*mine).values(issued_at=issued_at))

    async def note_used(self, client: Client, accepted: AcceptedCertificate) -> None:
        """Remember that the certificate of a binding has been used."""
        if self._is_new_use(client, accepted.thumbprint):
            table = tables.BindingCertificate
            await self._note_used(client, table, table.thumbprint == accepted.thumbprint)

    def _is_new_use(self, client: Client, proof: str | bytes) -> bool:
        """Say whether a proof's use should be written down: its last one that was is some time ago."""
        key, now = (client.bindings_zid, client.instance_id, proof), self._seconds()
        last = self._used.get(key)
        if last is not None and abs(now - last) < USE_NOTED_EVERY:
            return False
        if len(self._used) >= MOST_REMEMBERED:
            self._used.clear()
        self._used[key] = now
        return True

    async def _note_used(
        self,
        client: Client,
        table: type[tables.BindingSecret | tables.BindingCertificate],
        proof: ColumnElement[bool],
    ) -> None:
        mine = (table.zid == client.bindings_zid, table.instance_id == client.instance_id, proof)
        used = update(table).where(*mine).values(last_used_at=self._clock())
        async with self._database.transaction() as session:
            await session.execute(used, execution_options=UNNOTICED)

    async def _read(self, zid: str, client_id: str) -> _Known | None:
        return await self._known.get(zid, client_id, self._load)

    async def _load(self, zid: str, client_id: str) -> _Known | None:
        async with self._database.read() as session:
            client = await load_client(session, zid, tables.ClientRow.client_id, client_id)
            if client is None:
                return None
            return _Known(
                client,
                await load_digests(session, client.bindings_zid, client.instance_id),
                await load_certificates(session, client.bindings_zid, client.instance_id),
            )
