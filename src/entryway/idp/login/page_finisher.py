"""Where somebody goes who logged in to a page of ours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.responses import RedirectResponse

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from entryway.idp.login.attempt import Goal
    from entryway.idp.login.sessions import LoggedIn

KIND = "page"
# Where somebody goes who came without an application.
HOME = "/profile"


@dataclass(frozen=True, slots=True)
class PageFinisher:
    """Goes to the page; its path is one of ours, never from a request."""

    async def finish(self, request: Request, goal: Goal, logged_in: LoggedIn) -> Response:
        """Answer with the page."""
        del request, logged_in
        return RedirectResponse(str(goal.details["path"]), 303)

    async def refuse(self, request: Request, goal: Goal) -> Response:
        """Answer with the login page: nobody asks for a page of ours silently."""
        del request, goal
        return RedirectResponse("/login", 303)
