"""What every login at an identity provider ends in: a user of ours, a new session, and the attempt's next step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from entryway.authserver.sessions import BROWSER_COOKIE, LOGIN_COOKIE
from entryway.authserver.trust.errors import ShadowUserMissing
from entryway.authserver.trust.provider_sessions import ProviderSession
from entryway.federation.errors import LoginRefused
from entryway.oauth.errors import InvalidRequest
from entryway.saml.errors import InteractionNeeded
from entryway.storage.audit import UNKNOWN_USER, happened
from entryway.telemetry import get_logger
from entryway.web.cookies import set_cookie

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from entryway.authserver.attempts import Attempts
    from entryway.authserver.login_flow import LoginFlow
    from entryway.authserver.next_step import Attempt
    from entryway.authserver.sessions import Sessions
    from entryway.authserver.trust.provider_sessions import ProviderSessions
    from entryway.authserver.trust.providers import IdentityProvider
    from entryway.authserver.trust.shadow_users import ShadowUsers
    from entryway.federation.identity import Identity
    from entryway.saml.errors import SamlInvalid
    from entryway.storage.audit import Audit

log = get_logger(__name__)

OVER = "This login is over. Please go back to the application and start again."
# Clocks of two organisations differ.
_SKEW = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Arrival:
    """The end that all protocols share."""

    attempts: Attempts
    sessions: Sessions
    provider_sessions: ProviderSessions
    shadow_users: ShadowUsers
    flow: LoginFlow
    audit: Audit

    async def complete(
        self,
        request: Request,
        provider: IdentityProvider,
        identity: Identity,
        *,
        attempt_id: str | None,
        browser: str,
        facts: Mapping[str, str],
        afterwards: str | None = None,
    ) -> Response:
        """Log the user on and go on with the attempt; without one, the provider has begun."""
        attempt = await self._attempt(provider.zid, attempt_id, browser, afterwards)
        if _is_too_old(attempt, identity):
            # Asking again would be answered in the same way, again and again.
            reason = "the provider did not ask the user to log in again, as the application wants"
            return await self.refuse(provider, InteractionNeeded(reason), attempt_id, browser)
        try:
            user = await self.shadow_users.log_on(provider, identity)
        except ShadowUserMissing as error:
            self.note_refusal(provider, error.detail)
            raise
        # A new value for the cookie: one that somebody planted in this browser before is worth nothing now.
        await self.sessions.end(provider.zid, request.cookies.get(LOGIN_COOKIE))
        value, logged_in = await self.sessions.start(user, ends_at=identity.session_ends_at)
        at_provider = ProviderSession(provider.origin, identity.subject, identity.session_index, facts)
        await self.provider_sessions.add(provider.zid, value, at_provider)
        attempt = await self.attempts.learn_user(attempt, user.id, logged_in.authenticated_at)
        response = await self.flow.proceed(attempt, browser)
        set_cookie(response, LOGIN_COOKIE, value)
        set_cookie(response, BROWSER_COOKIE, browser)
        log.info("login_completed", user_id=user.id, identity_provider=provider.origin)
        told = {"origin": provider.origin, "type": provider.type}
        self.audit.note(
            happened("UserAuthenticationSuccess", provider.zid, "User", user.id, actor=user.user_name, new=told)
        )
        return response

    async def refuse(
        self, provider: IdentityProvider, error: SamlInvalid, attempt_id: str | None, browser: str
    ) -> Response:
        """Answer that a login failed: to the application, if it wants nobody to be asked, else by LoginRefused."""
        if attempt_id is not None and isinstance(error, InteractionNeeded):
            attempt = await self._attempt(provider.zid, attempt_id, browser, None)
            if attempt.request is not None and attempt.request.silent:
                return await self.flow.refuse(attempt)
        self.note_refusal(provider, error.detail)
        raise LoginRefused(error.detail) from error

    def note_refusal(self, provider: IdentityProvider, reason: str) -> None:
        """Tell the log and the audit trail why a login was refused."""
        log.info("login_refused", identity_provider=provider.origin, reason=reason)
        event = "SAMLAuthenticationError" if provider.type == "saml2.0" else "OIDCAuthenticationError"
        self.audit.note(
            happened(event, provider.zid, "IdentityProvider", provider.origin, new={"reason": reason[:1000]})
        )

    def note_unknown(self, zid: str, reason: str) -> None:
        """Tell the log and the audit trail of an answer that no provider could be asked about."""
        log.info("login_refused", reason=reason)
        told = {"reason": reason[:1000]}
        self.audit.note(happened("SAMLAuthenticationError", zid, "IdentityProvider", UNKNOWN_USER, new=told))

    async def _attempt(self, zid: str, attempt_id: str | None, browser: str, afterwards: str | None) -> Attempt:
        if attempt_id is None:
            return await self.attempts.start(zid, browser, None, afterwards)
        attempt = await self.attempts.find(zid, attempt_id, browser)
        if attempt is None:
            raise InvalidRequest(OVER, "no such open attempt of this browser")
        return attempt


def _is_too_old(attempt: Attempt, identity: Identity) -> bool:
    since = attempt.request.authenticated_since if attempt.request is not None else None
    return since is not None and identity.authenticated_at + _SKEW < since
