"""Takes a login attempt one step further, whichever step that is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from entryway.idp.corporate.settings import OWN
from entryway.idp.errors import LoginOver
from entryway.idp.login.next_step import Needs, Step, next_step
from entryway.idp.login.sessions import BROWSER_COOKIE, LOGIN_COOKIE
from entryway.storage.digests import random_text
from entryway.telemetry import get_logger
from entryway.web.cookies import set_cookie

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from entryway.idp.applications.store import Applications
    from entryway.idp.corporate.provider_sessions import ProviderSessions
    from entryway.idp.corporate.whereabouts import Whereabouts
    from entryway.idp.login.attempt import Attempt, Goal
    from entryway.idp.login.attempts import Attempts
    from entryway.idp.login.requirements import Requirements
    from entryway.idp.login.sessions import LoggedIn, Sessions
    from entryway.idp.session_end import SessionEnd
    from entryway.idp.users.store import Users
    from entryway.idp.users.user import User

log = get_logger(__name__)


class Ask(Protocol):
    """One step that asks the user for something."""

    async def ask(self, request: Request, attempt: Attempt, browser: str) -> Response:
        """Answer with the step's page."""
        ...


class Finisher(Protocol):
    """Who a login leads to: an application by OpenID Connect or SAML, or a page of ours."""

    async def finish(self, request: Request, goal: Goal, logged_in: LoggedIn) -> Response:
        """Answer with where a user goes who is logged in."""
        ...

    async def refuse(self, request: Request, goal: Goal) -> Response:
        """Answer that nobody is logged in, to one who forbade us to ask."""
        ...


@dataclass(frozen=True, slots=True)
class LoginFlow:
    """What the steps of a login lead to; `asks` and `finishers` are the tables of both."""

    attempts: Attempts
    sessions: Sessions
    session_end: SessionEnd
    users: Users
    applications: Applications
    requirements: Requirements
    whereabouts: Whereabouts
    provider_sessions: ProviderSessions
    asks: Mapping[Step, Ask]
    finishers: Mapping[str, Finisher]

    async def begin(self, request: Request, goal: Goal) -> Response:
        """Start an attempt of this browser, as whom it is logged in already, and answer with its first step."""
        browser = request.cookies.get(BROWSER_COOKIE) or random_text()
        logged_in = await self.sessions.load(request.cookies.get(LOGIN_COOKIE))
        attempt = await self.attempts.start(browser, goal, logged_in)
        response = await self.proceed(request, attempt, browser)
        set_cookie(response, BROWSER_COOKIE, browser)
        return response

    async def proceed(self, request: Request, attempt: Attempt, browser: str) -> Response:
        """Answer with the attempt's next step."""
        user = await self.users.find(attempt.user_id) if attempt.user_id is not None else None
        if attempt.user_id is not None and (user is None or not user.may_log_in):
            raise LoginOver("the user is gone or was locked meanwhile")
        step = next_step(attempt, await self.needs(attempt, user, request))
        if step is Step.FINISH and user is not None:
            return await self._finish(request, attempt, user)
        if step is Step.REFUSE_SILENTLY:
            await self.attempts.finish(attempt)
            return await self.finishers[attempt.goal.kind].refuse(request, attempt.goal)
        return await self.asks[step].ask(request, attempt, browser)

    async def needs(self, attempt: Attempt, user: User | None, request: Request) -> Needs:
        """Return what the user of an attempt needs for its goal."""
        choice = await self.whereabouts.choose(attempt, request)
        where = Needs(at_provider=choice.alias not in {OWN, None}, name=choice.alias is None)
        if user is None:
            return where
        wanted = attempt.goal.application_id
        application = await self.applications.resolve(wanted) if wanted is not None else None
        shown = await self.requirements.of(user, application)
        elsewhere = not choice.fits(await self.whereabouts.alias_of(attempt))
        return replace(shown, at_provider=where.at_provider, name=where.name, elsewhere=elsewhere)

    async def good_enough(self, attempt: Attempt, request: Request) -> bool:
        """Say whether the user of an attempt has logged in where they have to."""
        choice = await self.whereabouts.choose(attempt, request)
        return choice.fits(await self.whereabouts.alias_of(attempt))

    async def _finish(self, request: Request, attempt: Attempt, user: User) -> Response:
        await self.attempts.finish(attempt)
        cookie = request.cookies.get(LOGIN_COOKIE)
        before = await self.sessions.load(cookie)
        if (
            before is not None
            and before.session_id == attempt.session_id
            and before.authenticated_at == attempt.authenticated_at
            and before.methods == attempt.methods
            and before.provider_id == attempt.provider_id
            and attempt.sealed_arrival is None
        ):
            return await self.finishers[attempt.goal.kind].finish(request, attempt.goal, before)
        goes_on = before is not None and before.session_id == attempt.session_id and before.user.id == user.id
        if not goes_on and attempt.rests_on_session:
            # That session has ended meanwhile, perhaps because somebody wanted nobody to be logged in by it any more.
            return await self.begin(request, attempt.goal)
        if not goes_on and (ended := await self.sessions.id_of(cookie)) is not None:
            await self.session_end.end(ended)
        assert attempt.authenticated_at is not None  # noqa: S101 - next_step() saw it
        # A new value for the cookie: one that somebody planted in this browser before is worth nothing now.
        value, logged_in = await self.sessions.start(
            user,
            attempt.authenticated_at,
            attempt.methods,
            user_agent=request.headers.get("user-agent", ""),
            session_id=attempt.session_id if goes_on else None,
            provider_id=attempt.provider_id,
        )
        if attempt.sealed_arrival is not None:
            await self.provider_sessions.keep(logged_in.session_id, attempt.sealed_arrival)
        log.info("login_completed", user_id=user.id, methods=list(attempt.methods), goal=attempt.goal.kind)
        response = await self.finishers[attempt.goal.kind].finish(request, attempt.goal, logged_in)
        set_cookie(response, LOGIN_COOKIE, value)
        return response
