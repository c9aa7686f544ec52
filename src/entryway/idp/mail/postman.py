"""Sends mail in the background: how long it takes, and whether there is any, is nobody's business who waits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from entryway.telemetry import get_logger

if TYPE_CHECKING:
    from entryway.idp.mail.outbox import Mail, Outbox

log = get_logger(__name__)

AT_ONCE = 10
MOST_WAITING = 1000


@dataclass(frozen=True)
class Postman:
    """Writes each mail itself, too, so that looking up who gets it takes no time of the answer."""

    outbox: Outbox
    _working: set[asyncio.Task[None]] = field(default_factory=set)
    _limit: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    def post(self, write: Callable[[], Awaitable[Mail | None]]) -> None:
        """Have a mail written and sent, if there is one."""
        if len(self._working) >= MOST_WAITING:
            log.warning("mail_not_sent", reason="too many mails are waiting")
            return
        task = asyncio.create_task(self._deliver(write))
        self._working.add(task)
        task.add_done_callback(self._working.discard)

    async def settle(self) -> None:
        """Return when nothing waits any more."""
        while self._working:
            await asyncio.gather(*self._working)

    async def _deliver(self, write: Callable[[], Awaitable[Mail | None]]) -> None:
        async with self._limit:
            try:
                mail = await write()
                if mail is not None:
                    await self.outbox.send(mail)
                    log.info("mail_sent")
            except Exception:
                # Nobody waits for it; the log must say so.
                log.exception("mail_failed")
