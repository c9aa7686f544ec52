"""Who looks at one of our own pages: logged in, with a second factor if there is one, and lately where it matters."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from entryway.errors import Forbidden
from entryway.idp.login import page_finisher
from entryway.idp.login.attempt import SECOND_FACTORS, Goal
from entryway.idp.login.sessions import LOGIN_COOKIE

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from entryway.idp.login.flow import LoginFlow
    from entryway.idp.login.requirements import Requirements
    from entryway.idp.login.sessions import LoggedIn, Sessions
    from entryway.idp.users.groups import Groups
    from entryway.storage.moments import Clock

# What changes how somebody logs in is not left to a browser that was left alone.
LATELY = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Visitors:
    """Finds who is logged in, or answers with the login that leads to the page."""

    sessions: Sessions
    requirements: Requirements
    groups: Groups
    flow: LoginFlow
    clock: Clock

    async def on_page(self, request: Request, page: str) -> LoggedIn | Response:
        """Return who is logged in, or the answer that lets somebody log in; `page` is a path of ours."""
        return await self._find(request, Goal(page_finisher.KIND, {"path": page}))

    async def lately(self, request: Request, page: str) -> LoggedIn | Response:
        """Return who logged in within the last quarter of an hour, or the answer that lets somebody do so."""
        since = self.clock() - LATELY
        return await self._find(request, Goal(page_finisher.KIND, {"path": page}, authenticated_since=since))

    async def in_group(self, visitor: LoggedIn, group: str) -> None:
        """Raise unless a visitor is in a group."""
        if group not in await self.groups.names_of(visitor.user.id):
            raise Forbidden(f"{visitor.user.id} is not in the group {group}")

    async def _find(self, request: Request, goal: Goal) -> LoggedIn | Response:
        visitor = await self.sessions.load(request.cookies.get(LOGIN_COOKIE))
        if visitor is None:
            return await self.flow.begin(request, goal)
        if goal.authenticated_since is not None and visitor.authenticated_at < goal.authenticated_since:
            return await self.flow.begin(request, goal)
        needs = await self.requirements.of(visitor.user, None)
        if needs.second_factor and SECOND_FACTORS.isdisjoint(visitor.methods):
            return await self.flow.begin(request, goal)
        return visitor
