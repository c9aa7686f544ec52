"""`/admin/import`: many users at once, from a table."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.routing import Route

from entryway.idp.account.links import Purpose
from entryway.idp.errors import NameTaken
from entryway.web.pages.texts import language_of

if TYPE_CHECKING:
    from starlette.requests import Request

    from entryway.idp.account.letters import Letters
    from entryway.idp.console.office import Form, Office
    from entryway.idp.mail.postman import Postman
    from entryway.idp.users.user_import import Plan, UserImport

HERE = "/admin/import"


@dataclass(frozen=True, slots=True)
class UserImportPage:
    """Shows what would happen, and does it when it is sent again for that."""

    office: Office
    user_import: UserImport
    letters: Letters
    postman: Postman

    def routes(self) -> list[Route]:
        """Return where the page is."""
        return [
            Route(HERE, self.office.page(self.show), methods=["GET"]),
            Route(HERE, self.office.action(self.check), methods=["POST"]),
            Route(f"{HERE}/done", self.office.action(self.carry_out), methods=["POST"]),
        ]

    async def show(self, request: Request) -> Response:
        """Ask for a table."""
        return self._page(request, "")

    async def check(self, request: Request, form: Form) -> Response:
        """Show what would happen."""
        table = form.get("table", "")
        return self._page(request, table, await self.user_import.plan(table.encode()))

    async def carry_out(self, request: Request, form: Form) -> Response:
        """Import the table, and invite the new users if that is said."""
        table = form.get("table", "")
        plan = await self.user_import.plan(table.encode())
        if plan.mistakes:
            return self._page(request, table, plan)
        try:
            made = await self.user_import.carry_out(plan)
        except NameTaken as error:
            return self._page(request, table, plan, message=self.office.say(request, f"error.{error.code}"))
        for user in made:
            if "invite" in form and user.email:
                self.postman.post(partial(self.letters.link, user, Purpose.INVITATION, language_of(request)))
        return self._page(request, "", plan, done=True)

    def _page(
        self, request: Request, table: str, plan: Plan | None = None, *, done: bool = False, message: str = ""
    ) -> Response:
        wrong = plan is not None and bool(plan.mistakes)
        return self.office.show(
            request,
            "admin_import.html",
            "/admin/users",
            400 if wrong or message else 200,
            message=message or (self.office.say(request, "import.wrong") if wrong else ""),
            table=table,
            plan=plan.answer(done=done) if plan is not None else None,
        )
