"""Whom the gateway lets in: everybody with a certificate of the tunnel's authority but those who were revoked since."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from pydantic import ValidationError

from entryway.clients.http import HttpClient, Timeouts, call
from entryway.errors import EntrywayError, UpstreamError
from entryway.telemetry import get_logger
from entryway.tunnel.pairing import REVOKED_PATH, RevokedConnectors

log = get_logger("gateway")

# A revocation is to be felt within a second, and the pairing API repeats itself for a quarter of one.
ASKED_EVERY = 0.5
TIMEOUTS = Timeouts(connect=2.0, read=2.0, pool=2.0)


@dataclass(slots=True)
class Admission:
    """What the pairing API said last of revoked connectors; until it has said something, nobody is let in."""

    http: HttpClient
    pairing_url: str
    on_revoked: Callable[[frozenset[str]], None] = lambda _: None
    _revoked: frozenset[str] | None = None
    _away: bool = field(default=False)

    def admits(self, connector_id: str) -> bool:
        """Return whether the connector may connect now."""
        return self._revoked is not None and connector_id not in self._revoked

    @property
    def known(self) -> bool:
        """Whether there is a list at all: who is refused without one may try again."""
        return self._revoked is not None

    async def watch(self) -> None:
        """Ask again and again, until cancelled."""
        while True:
            await asyncio.sleep(ASKED_EVERY)
            await self.ask()

    async def ask(self) -> None:
        """Learn who was revoked; where nobody answers, what was said last still holds."""
        try:
            said = await self._ask()
        except EntrywayError as error:
            if not self._away:
                log.warning("revocations_unavailable", reason=error.detail or error.code, known=self.known)
            self._away = True
            return
        if self._away:
            log.info("revocations_available")
        self._away = False
        new = said - (self._revoked or frozenset())
        self._revoked = said
        if new:
            self.on_revoked(new)

    async def _ask(self) -> frozenset[str]:
        url = self.pairing_url.rstrip("/") + REVOKED_PATH
        answer = await call(self.http, "GET", url, headers={"accept": "application/json"}, timeout=TIMEOUTS)
        if answer.status != 200:
            raise UpstreamError(answer.origin, f"answered {answer.status} when asked which connectors were revoked")
        try:
            return RevokedConnectors.model_validate_json(answer.content).connectors
        except ValidationError as error:
            raise UpstreamError(answer.origin, "did not say which connectors were revoked") from error
