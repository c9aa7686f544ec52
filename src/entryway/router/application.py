"""A router with everything that it holds open: how it begins, goes over to a successor, and ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from entryway.errors import EntrywayError
from entryway.http import Client, Limits
from entryway.router.access_log import AccessLog
from entryway.router.callers import Callers
from entryway.router.company_network import ClientToken
from entryway.router.errors import TenantLookupFailed
from entryway.router.login_readiness import LoginReadiness
from entryway.router.logout import BackendsTold
from entryway.router.router import Router
from entryway.router.sessions import SessionStore
from entryway.telemetry import get_logger

if TYPE_CHECKING:
    from entryway.telemetry.traces import Traces

log = get_logger("router")

REFRESH_SECONDS = 30.0


@dataclass(slots=True, eq=False)
class Application:
    """A router with everything that it holds open."""

    router: Router
    limits: Limits
    client: Client
    callers: Callers
    sessions: SessionStore
    told: BackendsTold
    own_tokens: Sequence[ClientToken]
    access_log: AccessLog
    learn_tenant: Callable[[], Awaitable[object]] | None = None
    """Asks for the subdomain of the application's own tenant, where only the platform's directory says it."""
    traces: Traces | None = None
    logins: LoginReadiness | None = None
    """Tells whether somebody could log in now."""
    _warming: asyncio.Task[None] | None = field(default=None)

    def start(self, *, load_tokens: bool) -> None:
        """Begin what the first user need not wait for: sessions, own tokens, the tenant's subdomain."""
        self.sessions.start()
        if load_tokens and (self.own_tokens or self.learn_tenant is not None):
            self._warming = asyncio.get_running_loop().create_task(self._warm())

    async def close(self) -> None:
        """Release everything; requests have ended before."""
        await self._close_own()
        await self.sessions.close()
        if self.traces is not None:
            await asyncio.to_thread(self.traces.close)

    async def close_for(self, successor: Application) -> None:
        """Release everything that the successor has not taken over."""
        await self._close_own()
        if self.sessions is not successor.sessions:
            await self.sessions.close()

    async def finish_refreshing(self) -> None:
        """Let renewals that are under way come to their end: a refresh token may be good for one use only."""
        if self.router.refresher is not None and self.router.refresher.tasks:
            await asyncio.wait(self.router.refresher.tasks, timeout=REFRESH_SECONDS)

    async def _close_own(self) -> None:
        if self._warming is not None:
            self._warming.cancel()
            await asyncio.gather(self._warming, return_exceptions=True)
        if self.router.refresher is not None:
            await self.router.refresher.close()
        await self.told.close()
        await self.client.close()
        await self.callers.close()
        self.access_log.flush()

    async def _warm(self) -> None:
        asking: list[Awaitable[object]] = [token.get() for token in self.own_tokens]
        if self.learn_tenant is not None:
            asking.append(self.learn_tenant())
        for result in await asyncio.gather(*asking, return_exceptions=True):
            if isinstance(result, TenantLookupFailed):
                log.warning("tenant_lookup_failed", reason=result.detail)
            elif isinstance(result, EntrywayError):
                log.warning("client_token_failed", reason=result.detail)
