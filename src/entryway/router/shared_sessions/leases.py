"""Lets one router at a time renew the token of a session, and the others have what it got."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, field

from entryway.router.sessions import Login, Renewal, Session
from entryway.router.shared_sessions import scripts
from entryway.router.shared_sessions.certainty import Certainty
from entryway.router.shared_sessions.link import StoreUnreachable
from entryway.router.shared_sessions.records import Records
from entryway.telemetry import get_logger

log = get_logger("router.sessions")

LEASE_SECONDS = 30.0
LOOK_AGAIN_SECONDS = 0.05
RETRY_SECONDS = 20.0
WORKING, REFUSED, FAILED = b"w", b"refused", b"failed"


@dataclass(slots=True, eq=False)
class Leases:
    """The leases that one router takes and gives back."""

    records: Records
    certainty: Certainty
    _id: bytes = field(default_factory=lambda: WORKING + os.urandom(12).hex().encode())

    async def begin(self, session: Session, login: Login) -> bool:
        """Tell whether the caller is to renew the login; else whoever did is done."""
        records = self.records
        copy = records.held.get(session.name.encode())
        if copy is None or session.ended:
            return False
        lease = copy.key + b":renewal"
        while True:
            try:
                arguments = [self._id, round(LEASE_SECONDS * 1000)]
                holder = await records.reach.run(copy.changes, scripts.TAKE, [lease], arguments)
                await self.certainty.read_again(copy)
            except StoreUnreachable:
                # As long as the token is good, better not at all than twice.
                if login.expires_at <= records.clock():
                    return True
                session.refresh_not_before = records.clock() + RETRY_SECONDS
                return False
            mine = holder == self._id
            if session.ended or session.login is not login:
                if mine:
                    await self._give_back(lease, b"", 0)
                return False
            if mine:
                return True
            if holder in (REFUSED, FAILED):
                again = float("inf") if holder == REFUSED else records.clock() + RETRY_SECONDS
                session.refresh_not_before = again
                return False
            await asyncio.sleep(LOOK_AGAIN_SECONDS)

    async def end(self, session: Session, login: Login, outcome: Renewal) -> None:
        """Give the lease back, and say why nobody else need try if it came to nothing."""
        key, _ = self.records.place(session.name.encode())
        lease = key + b":renewal"
        if outcome is Renewal.DONE:
            await self._give_back(lease, b"", 0)
        elif outcome is Renewal.REFUSED:
            await self._give_back(lease, REFUSED, max(1.0, login.expires_at - self.records.clock()))
        else:
            await self._give_back(lease, FAILED, RETRY_SECONDS)

    async def _give_back(self, lease: bytes, leave: bytes, seconds: float) -> None:
        try:
            await self.records.reach.run(None, scripts.GIVE_BACK, [lease], [self._id, leave, round(seconds * 1000)])
        except StoreUnreachable as error:
            log.warning("renewal_lease_kept", reason=str(error))  # it ends by itself
