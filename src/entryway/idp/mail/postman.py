"""Sends mail in the background: how long it takes, and whether there is any, is nobody's business who waits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from entryway.telemetry import get_logger

if TYPE_CHECKING:
    from entryway.idp.mail.outbox import Mail, Outbox

log = get_logger(__name__)

AT_ONCE = 10
MOST_WAITING = 1000
# A mail server that restarts, or is full of other work, is there again soon.
TRIED_AGAIN_AFTER = (10.0, 60.0, 300.0)


@dataclass(frozen=True)
class Postman:
    """Writes each mail itself, too, so that looking up who gets it takes no time of the answer."""

    outbox: Outbox
    tried_again_after: Sequence[float] = TRIED_AGAIN_AFTER
    _working: set[asyncio.Task[None]] = field(default_factory=set)
    _limit: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    _settling: asyncio.Event = field(default_factory=asyncio.Event)

    def post(self, write: Callable[[], Awaitable[Mail | None]]) -> None:
        """Have a mail written and sent, if there is one."""
        if len(self._working) >= MOST_WAITING:
            log.warning("mail_not_sent", reason="too many mails are waiting")
            return
        task = asyncio.create_task(self._deliver(write))
        self._working.add(task)
        task.add_done_callback(self._working.discard)

    async def settle(self) -> None:
        """Return when nothing waits any more; what waits to be tried again is tried at once, for the last time."""
        self._settling.set()
        while self._working:
            await asyncio.gather(*self._working)

    async def _deliver(self, write: Callable[[], Awaitable[Mail | None]]) -> None:
        try:
            async with self._limit:
                mail = await write()
            if mail is not None:
                await self._send(mail)
        except Exception:
            # Nobody waits for it; the log must say so.
            log.exception("mail_failed")

    async def _send(self, mail: Mail) -> None:
        for seconds in (*self.tried_again_after, None):
            try:
                async with self._limit:
                    await self.outbox.send(mail)
            except OSError as error:
                # What mail servers say names who was to get the mail.
                if seconds is None or self._settling.is_set():
                    log.error("mail_not_sent", reason=type(error).__name__)  # noqa: TRY400 - expected, and without a fault of ours
                    return
                log.warning("mail_delayed", reason=type(error).__name__, seconds=seconds)
                await self._pause(seconds)
            else:
                log.info("mail_sent")
                return

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._settling.wait(), seconds)
