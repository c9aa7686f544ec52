"""Who may use the pages of administrators, and what all of them share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from starlette.responses import RedirectResponse, Response

from entryway.idp.bootstrap import ADMIN_GROUP
from entryway.idp.errors import InvalidValue

if TYPE_CHECKING:
    from typing import Any

    from starlette.requests import Request

    from entryway.idp.account.visitors import Visitors
    from entryway.idp.pages.forms import Forms
    from entryway.idp.trail import Trail

PAGE = 50
_DONE = "done"
# What a form of ours sent.
Form: TypeAlias = Mapping[str, str]
Endpoint: TypeAlias = "Callable[[Request], Awaitable[Response]]"
LINKS = [
    ("/admin/users", "admin.users"),
    ("/admin/groups", "admin.groups"),
    ("/admin/applications", "admin.applications"),
    ("/admin/providers", "admin.providers"),
    ("/admin/settings", "admin.settings"),
    ("/admin/trail", "admin.trail"),
]


@dataclass(frozen=True, slots=True)
class Office:
    """The door and the furniture."""

    visitors: Visitors
    forms: Forms
    trail: Trail

    def page(self, show: Callable[[Request], Awaitable[Response]]) -> Endpoint:
        """Return what answers where administrators look at something: the login, for who is not logged in."""

        async def endpoint(request: Request) -> Response:
            visitor = await self.visitors.on_page(request, request.url.path)
            if isinstance(visitor, Response):
                return visitor
            await self.visitors.in_group(visitor, ADMIN_GROUP)
            return await show(request)

        return endpoint

    def action(self, do: Callable[[Request, Form], Awaitable[Response]]) -> Endpoint:
        """Return what answers where they change something, by a form and a login of the last quarter of an hour."""

        async def endpoint(request: Request) -> Response:
            acting = await self._act(request)
            return acting if isinstance(acting, Response) else await do(request, acting)

        return endpoint

    async def _act(self, request: Request) -> Form | Response:
        form = await self.forms.read(request)
        # What was sent is lost; the list that it was about is where to begin anew.
        visitor = await self.visitors.lately(request, "/".join(request.url.path.split("/")[:3]))
        if isinstance(visitor, Response):
            return visitor
        await self.visitors.in_group(visitor, ADMIN_GROUP)
        self.trail.administration(visitor.user.id, request.method, request.url.path)
        return form

    def show(self, request: Request, template: str, here: str, status: int = 200, **values: Any) -> Response:
        """Return a page."""
        is_done = _DONE in request.query_params
        return self.forms.show(request, template, status, admin_links=LINKS, here=here, is_done=is_done, **values)

    def say(self, request: Request, key: str) -> str:
        """Return one text in the language of the reader."""
        return self.forms.pages.say(request, key)


def go(path: str) -> Response:
    """Go to a page of ours."""
    return RedirectResponse(path, 303)


def done(path: str) -> Response:
    """Go to a page of ours, which says that what was asked for is done."""
    return go(f"{path}?{_DONE}=1")


def start_of(request: Request) -> int:
    """Return where the page of a list begins, counted from 0."""
    text = request.query_params.get("start", "0") or "0"
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise InvalidValue("start", "must be a number")
    return int(text)


def listed(text: str) -> list[str]:
    """Return the values of a field that has one on each line, or commas between them."""
    return [part.strip() for line in text.splitlines() for part in line.split(",") if part.strip()]
