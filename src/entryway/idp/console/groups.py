"""`/admin/groups`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.routing import Route

from entryway.accounts.names import comparable
from entryway.idp import tables
from entryway.idp.bootstrap import ADMIN_GROUP
from entryway.idp.console.office import PAGE, done, go, start_of
from entryway.idp.errors import InvalidValue, NameTaken
from entryway.scim.conditions import begins_with
from entryway.storage.pages import Window

if TYPE_CHECKING:
    from starlette.requests import Request

    from entryway.idp.console.office import Form, Office
    from entryway.idp.users.groups import Groups

HERE = "/admin/groups"


@dataclass(frozen=True, slots=True)
class GroupPages:
    """A list with a search, and a page for each group; who is in it is written at the user."""

    office: Office
    groups: Groups

    def routes(self) -> list[Route]:
        """Return where the pages are."""
        return [
            Route(HERE, self.office.page(self.list), methods=["GET"]),
            Route(HERE, self.office.action(self.create), methods=["POST"]),
            Route(f"{HERE}/{{id}}", self.office.page(self.show), methods=["GET"]),
            Route(f"{HERE}/{{id}}/deletion", self.office.action(self.delete), methods=["POST"]),
        ]

    async def list(self, request: Request, message: str = "") -> Response:
        """Show one page of the groups whose name begins with a text."""
        search, start = request.query_params.get("search", "")[:255], start_of(request)
        key = tables.Group.name_key
        fits = [begins_with(key, comparable(search))] if search else []
        found, total = await self.groups.page(fits, [key.asc()], Window(start, PAGE))
        return self.office.show(
            request,
            "admin_groups.html",
            HERE,
            400 if message else 200,
            message=message,
            groups=found,
            total=total,
            start=start,
            page=PAGE,
            search=search,
        )

    async def create(self, request: Request, form: Form) -> Response:
        """Create a group."""
        try:
            group = await self.groups.create(form.get("name", ""), form.get("description", ""))
        except (InvalidValue, NameTaken) as error:
            return await self.list(request, self.office.say(request, f"error.{error.code}"))
        return go(f"{HERE}/{group.id}")

    async def show(self, request: Request) -> Response:
        """Show a group with one page of its members."""
        group, start = await self.groups.resolve(request.path_params["id"]), start_of(request)
        members, total = await self.groups.members(group.id, Window(start, PAGE))
        return self.office.show(
            request, "admin_group.html", HERE, group=group, members=members, total=total, start=start, page=PAGE
        )

    async def delete(self, request: Request, _form: Form) -> Response:
        """Delete a group, but for the one that opens these pages."""
        group = await self.groups.resolve(request.path_params["id"])
        if group.name == ADMIN_GROUP:
            raise InvalidValue("group", "is the one of the administrators")
        await self.groups.delete(group.id)
        return done(HERE)
