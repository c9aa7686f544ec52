"""Tokens that users' own were exchanged for: asked for once for each token and purpose, kept in the session."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from entryway.clients.tokens import TokenSet
from entryway.errors import EntrywayError, UpstreamTimeout
from entryway.router.company_network import KeptToken, usable_until
from entryway.router.errors import ServiceTokenFailed
from entryway.router.sessions import Login, Session

Ask = Callable[[], Coroutine[Any, Any, TokenSet]]


@dataclass(frozen=True, slots=True)
class ExchangedTokens:
    """Keeps the tokens of one application's users."""

    clock: Callable[[], float]
    under_way: dict[tuple[str, str], asyncio.Task[KeptToken]] = field(default_factory=dict)

    async def get(self, session: Session, login: Login, purpose: str, ask: Ask) -> str:
        """Return the token for a purpose, asking for one that is good for a while, or raise ServiceTokenFailed."""
        kept: KeptToken | None = session.found.get(("exchanged token", purpose))
        if kept is None or self.clock() >= kept.until:
            # By the token, for calls of one service have a session each.
            key = (login.access_token, purpose)
            task = self.under_way.get(key)
            if task is None:
                exchange = self._exchange_for(session, login, purpose, ask)
                task = self.under_way[key] = asyncio.get_running_loop().create_task(exchange)
                task.add_done_callback(lambda _: self.under_way.pop(key, None))
            kept = await asyncio.shield(task)
            self._keep(session, login, purpose, kept)
        return kept.value

    async def _exchange_for(self, session: Session, login: Login, purpose: str, ask: Ask) -> KeptToken:
        kept = await self._exchange(purpose, ask)
        # At once: whoever comes between the end of this and the next step of those who wait would ask again.
        self._keep(session, login, purpose, kept)
        return kept

    @staticmethod
    def _keep(session: Session, login: Login, purpose: str, kept: KeptToken) -> None:
        if session.login is login:
            session.found["exchanged token", purpose] = kept

    async def _exchange(self, purpose: str, ask: Ask) -> KeptToken:
        try:
            tokens = await ask()
        except (UpstreamTimeout, ServiceTokenFailed):
            raise
        except EntrywayError as error:
            raise ServiceTokenFailed(purpose, f"exchange of the user's token: {error}") from error
        return KeptToken(tokens.access_token, usable_until(tokens.expires_in, self.clock()))
