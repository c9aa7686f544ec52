"""Whether the router could log somebody in now: what that needs, asked for when somebody wants to know.

It is apart from the readiness of the process: a neighbour that is away must not take down the routes and the sessions
that do without it, and it would do so in every instance at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from entryway.clients.http import HttpClient, Timeouts, call
from entryway.errors import EntrywayError
from entryway.router.bound_services import Services
from entryway.router.discovered_keys import DISCOVERY
from entryway.telemetry import get_logger

log = get_logger("router.ready")

KEEP_SECONDS = 2.0
TIMEOUTS = Timeouts(connect=3.0, read=3.0, pool=3.0)
LIMIT = 512 * 1024
KEYS = "/token_keys"

Check = Callable[[], Awaitable[bool]]


@dataclass(slots=True)
class LoginReadiness:
    """Looks, once for all who ask at a time, and believes what it saw for a moment."""

    checks: Mapping[str, Check]
    clock: Callable[[], float]
    _seen: Mapping[str, bool] = field(default_factory=dict)
    _until: float = 0.0
    _looking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def look(self) -> Mapping[str, bool]:
        """Return what is there, by name."""
        async with self._looking:
            if self.clock() >= self._until:
                found = await asyncio.gather(*(check() for check in self.checks.values()))
                seen = dict(zip(self.checks, found, strict=True))
                if seen != self._seen:
                    log.info("logins_could_be_served", **seen)
                self._seen, self._until = seen, self.clock() + KEEP_SECONDS
            return self._seen


def login_checks(services: Services, http: HttpClient, store: Check | None) -> dict[str, Check]:
    """Return what has to be there for somebody to log in: the keys of who logs users in, and the store of sessions."""
    checks: dict[str, Check] = {}
    if services.uaa is not None:
        checks["xsuaa"] = _answers(http, f"{services.uaa.url}{KEYS}")
    if services.identity is not None:
        checks["identity"] = _answers(http, f"{services.identity.url}{DISCOVERY}")
    if store is not None:
        checks["sessions"] = store
    return checks


def _answers(http: HttpClient, url: str) -> Check:
    async def check() -> bool:
        try:
            answer = await call(http, "GET", url, headers={"accept": "application/json"}, timeout=TIMEOUTS, limit=LIMIT)
        except EntrywayError as error:
            log.warning("login_not_possible", reason=str(error))
            return False
        if answer.status != 200:
            log.warning("login_not_possible", reason=f"{answer.origin} answered {answer.status}")
        return answer.status == 200

    return check
