"""What every login at a company's provider ends in: a user of ours, and the attempt's next step."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from starlette.responses import RedirectResponse

from entryway.federation.errors import LoginRefused
from entryway.idp.corporate.errors import NotKnownHere
from entryway.idp.login.sessions import BROWSER_COOKIE
from entryway.telemetry import get_logger
from entryway.web.cookies import set_cookie

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from entryway.federation.identity import Identity
    from entryway.idp.corporate.links import ProviderLinks
    from entryway.idp.corporate.providers import Provider
    from entryway.idp.login.attempt import Attempt
    from entryway.idp.login.attempts import Attempts
    from entryway.idp.login.flow import LoginFlow
    from entryway.idp.trail import Trail
    from entryway.storage import Sealer
    from entryway.storage.moments import Clock

log = get_logger(__name__)

RESUME = "/login/resume"
# Clocks of two organisations differ.
_SKEW = timedelta(seconds=60)
_PURPOSE = "provider-arrival"


@dataclass(frozen=True, slots=True)
class Arrived:
    """The session at the provider that a login came from: how it is named there, and what a logout has to tell back."""

    provider_id: str
    subject: str
    session_index: str | None
    facts: Mapping[str, str] = field(default_factory=dict, repr=False)


def seal(sealer: Sealer, arrived: Arrived) -> bytes:
    """Return the form in which an attempt, and then a session, keeps it."""
    content = [arrived.provider_id, arrived.subject, arrived.session_index, dict(arrived.facts)]
    return sealer.seal(json.dumps(content).encode(), _PURPOSE)


def unseal(sealer: Sealer, sealed: bytes) -> Arrived:
    """Return what `seal` was given."""
    return Arrived(*json.loads(sealer.unseal(sealed, _PURPOSE)))


@dataclass(frozen=True, slots=True)
class Arrival:
    """The end that all protocols share."""

    attempts: Attempts
    links: ProviderLinks
    flow: LoginFlow
    sealer: Sealer
    trail: Trail
    clock: Clock

    async def complete(
        self,
        request: Request,
        provider: Provider,
        identity: Identity,
        *,
        attempt: Attempt,
        browser: str,
        facts: Mapping[str, str],
    ) -> Response:
        """Note who the user is, and go on with the attempt in a request of our own, to which every cookie comes."""
        moment = min(identity.authenticated_at, self.clock())
        since = attempt.goal.authenticated_since
        if since is not None and moment < since:
            if moment + _SKEW < since:
                # Asking again would be answered in the same way, again and again.
                raise self.refused(provider, "the provider did not ask the user to log in again")
            moment = since
        try:
            user = await self.links.log_on(provider, identity)
        except NotKnownHere as error:
            self.refused(provider, error.detail)
            raise
        arrived = Arrived(provider.id, identity.subject, identity.session_index, facts)
        attempt = await self.attempts.learn_arrival(attempt, user.id, moment, provider.id, seal(self.sealer, arrived))
        log.info("login_at_provider", user_id=user.id, identity_provider=provider.alias)
        self.trail.account("ProviderLogin", user.id, provider=provider.alias, protocol=provider.protocol)
        if not await self.flow.good_enough(attempt, request):
            raise self.refused(provider, "this user logs in elsewhere")
        response = RedirectResponse(f"{RESUME}?{urlencode({'attempt': attempt.id})}", 303)
        set_cookie(response, BROWSER_COOKIE, browser)
        return response

    def refused(self, provider: Provider, reason: str) -> LoginRefused:
        """Tell the log and the audit trail why a login is refused, and return the error."""
        log.info("login_refused", identity_provider=provider.alias, reason=reason)
        told = {"provider": provider.alias, "protocol": provider.protocol, "reason": reason[:1000]}
        self.trail.account("ProviderLoginRefused", "", **told)
        return LoginRefused(reason)
