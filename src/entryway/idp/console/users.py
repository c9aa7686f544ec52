"""`/admin/users`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy import or_
from starlette.responses import Response
from starlette.routing import Route

from entryway.accounts.names import comparable
from entryway.idp import tables
from entryway.idp.account.links import Purpose
from entryway.idp.console.office import PAGE, done, go, listed, start_of
from entryway.idp.errors import InvalidValue, NameTaken, PasswordRefused
from entryway.idp.login.endpoints import refusal_text
from entryway.idp.users.user import UserValues
from entryway.scim.conditions import begins_with
from entryway.storage.pages import Window
from entryway.web.pages.texts import language_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from starlette.requests import Request

    from entryway.idp.account.letters import Letters
    from entryway.idp.console.office import Form, Office
    from entryway.idp.documents import Documents
    from entryway.idp.factors.factors import Factors
    from entryway.idp.login.sessions import Sessions
    from entryway.idp.mail.postman import Postman
    from entryway.idp.session_end import SessionEnd
    from entryway.idp.users.failures import Failures
    from entryway.idp.users.groups import Groups
    from entryway.idp.users.password_changes import PasswordChanges
    from entryway.idp.users.store import Users
    from entryway.idp.users.user import User

    Work = Callable[[User], Awaitable[None]]

HERE = "/admin/users"
NEW = UserValues(user_name="?")


@dataclass(frozen=True, slots=True)
class UserPages:
    """A list with a search, and a page for each user."""

    office: Office
    users: Users
    groups: Groups
    password_changes: PasswordChanges
    failures: Failures
    factors: Factors
    sessions: Sessions
    session_end: SessionEnd
    letters: Letters
    postman: Postman
    documents: Documents

    def routes(self) -> list[Route]:
        """Return where the pages are."""
        one = f"{HERE}/{{id}}"
        actions = {
            "lock": self.lock,
            "unlock": self.unlock,
            "invitation": self.invite,
            "password": self.set_password,
            "factors": self.remove_factors,
            "sessions": self.end_sessions,
            "deletion": self.delete,
        }
        return [
            Route("/admin", self.home, methods=["GET"]),
            Route(HERE, self.office.page(self.list), methods=["GET"]),
            Route(HERE, self.office.action(self.create), methods=["POST"]),
            Route(f"{HERE}/new", self.office.page(self.new), methods=["GET"]),
            Route(one, self.office.page(self.show), methods=["GET"]),
            Route(one, self.office.action(self.save), methods=["POST"]),
            *(Route(f"{one}/{name}", self.office.action(action), methods=["POST"]) for name, action in actions.items()),
        ]

    async def home(self, request: Request) -> Response:
        """Go to the list of users."""
        del request
        return go(HERE)

    async def list(self, request: Request) -> Response:
        """Show one page of the users whose name or address begins with a text."""
        search, start = request.query_params.get("search", "")[:255], start_of(request)
        key = comparable(search)
        user = tables.User
        fits = [or_(begins_with(user.login_name, key), begins_with(user.email_key, key))] if key else []
        found, total = await self.users.page(fits, [user.login_name.asc()], Window(start, PAGE))
        return self.office.show(
            request, "admin_users.html", HERE, users=found, total=total, start=start, page=PAGE, search=search
        )

    async def new(self, request: Request) -> Response:
        """Ask for a new user."""
        return self._blank(request)

    async def create(self, request: Request, form: Form) -> Response:
        """Create a user, and invite those who have an address."""
        try:
            user = await self.users.create(_values(form, NEW))
        except (InvalidValue, NameTaken) as error:
            return self._blank(request, self._why(request, error))
        await self.groups.set_groups(user.id, listed(form.get("groups", "")))
        if user.email:
            self.postman.post(partial(self.letters.link, user, Purpose.INVITATION, language_of(request)))
        return go(f"{HERE}/{user.id}")

    async def show(self, request: Request) -> Response:
        """Show one user."""
        return await self._page(request)

    async def save(self, request: Request, form: Form) -> Response:
        """Write a user's values and groups."""
        before = await self.users.resolve(request.path_params["id"])
        try:
            user = await self.users.change(before.id, _values(form, before.values))
        except (InvalidValue, NameTaken) as error:
            return await self._page(request, self._why(request, error))
        await self.groups.set_groups(user.id, listed(form.get("groups", "")))
        if not user.values.active:
            await self.session_end.end_all(user.id)
        return done(f"{HERE}/{user.id}")

    async def lock(self, request: Request, _form: Form) -> Response:
        """Keep a user from logging in, and log them out."""
        return await self._do(request, self._lock)

    async def unlock(self, request: Request, _form: Form) -> Response:
        """Let a user log in again, also one whom wrong passwords have locked."""
        return await self._do(request, self._unlock)

    async def invite(self, request: Request, _form: Form) -> Response:
        """Send a link by which to choose a password."""
        language = language_of(request)

        async def send(user: User) -> None:
            purpose = Purpose.RESET if user.password_hash is not None else Purpose.INVITATION
            self.postman.post(partial(self.letters.link, user, purpose, language))

        return await self._do(request, send)

    async def set_password(self, request: Request, form: Form) -> Response:
        """Give a user a password that is good for one login."""
        user = await self.users.resolve(request.path_params["id"])
        try:
            await self.password_changes.set(user, form.get("password", ""), must_change=True)
        except PasswordRefused as error:
            message = await refusal_text(self.office.forms.pages, request, self.documents, error)
            return await self._page(request, message)
        return done(f"{HERE}/{user.id}")

    async def remove_factors(self, request: Request, _form: Form) -> Response:
        """Take the second factors from a user who has lost them."""

        async def remove(user: User) -> None:
            await self.factors.remove_all(user.id)

        return await self._do(request, remove)

    async def end_sessions(self, request: Request, _form: Form) -> Response:
        """Log a user out everywhere."""

        async def end(user: User) -> None:
            await self.session_end.end_all(user.id)

        return await self._do(request, end)

    async def delete(self, request: Request, _form: Form) -> Response:
        """Delete a user."""

        async def remove(user: User) -> None:
            await self.session_end.end_all(user.id)
            await self.users.delete(user.id)

        return await self._do(request, remove, after=HERE)

    async def _lock(self, user: User) -> None:
        await self.users.note(user.id, locked=True)
        await self.session_end.end_all(user.id)

    async def _unlock(self, user: User) -> None:
        await self.users.note(user.id, locked=False)
        await self.failures.forget(user.id)
        await self.failures.forget(f"second-factor {user.id}")

    async def _do(self, request: Request, work: Work, after: str = "") -> Response:
        user = await self.users.resolve(request.path_params["id"])
        await work(user)
        return done(after or f"{HERE}/{user.id}")

    async def _page(self, request: Request, message: str = "") -> Response:
        user = await self.users.resolve(request.path_params["id"])
        return self.office.show(
            request,
            "admin_user.html",
            HERE,
            400 if message else 200,
            message=message,
            user=user,
            groups=await self.groups.names_of(user.id),
            enrolled=await self.factors.enrolled(user.id),
            sessions=await self.sessions.of_user(user.id),
        )

    def _blank(self, request: Request, message: str = "") -> Response:
        return self.office.show(request, "admin_new_user.html", HERE, 400 if message else 200, message=message)

    def _why(self, request: Request, error: InvalidValue | NameTaken) -> str:
        text = self.office.say(request, f"error.{error.code}")
        return f"{text} ({error.detail})" if isinstance(error, InvalidValue) else text


def _values(form: Mapping[str, str], before: UserValues) -> UserValues:
    email = form.get("email", "").strip()
    return replace(
        before,
        user_name=form.get("user_name", "").strip(),
        email=email,
        email_verified=before.email_verified and email == before.email,
        given_name=form.get("given_name", "").strip(),
        family_name=form.get("family_name", "").strip(),
        active=before is NEW or "active" in form,
    )
