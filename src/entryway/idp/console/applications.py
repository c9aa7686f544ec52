"""`/admin/applications`."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.routing import Route

from entryway.idp.applications.settings import ApplicationSettings
from entryway.idp.bootstrap import ADMIN_CLIENT
from entryway.idp.console.office import PAGE, done, go, start_of
from entryway.idp.console.written_documents import read_document, shown_document
from entryway.idp.errors import InvalidValue, NameTaken
from entryway.saml.errors import SamlInvalid

if TYPE_CHECKING:
    from starlette.requests import Request

    from entryway.idp.applications.application import Application
    from entryway.idp.applications.store import Applications
    from entryway.idp.console.office import Form, Office
    from entryway.idp.saml.metadata_refresh import MetadataRefresh

HERE = "/admin/applications"


@dataclass(frozen=True, slots=True)
class ApplicationPages:
    """A list with a search, and a page for each application; its settings are a document of JSON."""

    office: Office
    applications: Applications
    metadata: MetadataRefresh

    def routes(self) -> list[Route]:
        """Return where the pages are."""
        return [
            Route(HERE, self.office.page(self.list), methods=["GET"]),
            Route(HERE, self.office.action(self.create), methods=["POST"]),
            Route(f"{HERE}/{{id}}", self.office.page(self.show), methods=["GET"]),
            Route(f"{HERE}/{{id}}", self.office.action(self.save), methods=["POST"]),
            Route(f"{HERE}/{{id}}/secrets", self.office.action(self.new_secret), methods=["POST"]),
            Route(f"{HERE}/{{id}}/secrets/end", self.office.action(self.end_secret), methods=["POST"]),
            Route(f"{HERE}/{{id}}/deletion", self.office.action(self.delete), methods=["POST"]),
        ]

    async def list(self, request: Request) -> Response:
        """Show one page of the applications whose name or client id contains a text."""
        search, start = request.query_params.get("search", "")[:255], start_of(request)
        found, total = await self.applications.page(search, start, PAGE)
        return self.office.show(
            request,
            "admin_applications.html",
            HERE,
            applications=found,
            total=total,
            start=start,
            page=PAGE,
            search=search,
        )

    async def create(self, _request: Request, form: Form) -> Response:
        """Create an application that has nothing yet."""
        made = await self.applications.put(
            str(uuid.uuid4()),
            name=form.get("name", "").strip(),
            app_tid=form.get("app_tid", "").strip(),
            settings=ApplicationSettings.model_validate({}),
        )
        return go(f"{HERE}/{made.id}")

    async def show(self, request: Request) -> Response:
        """Show an application."""
        return await self._page(request)

    async def save(self, request: Request, form: Form) -> Response:
        """Write an application's settings."""
        application = await self._mutable(request)
        try:
            await self.applications.put(
                application.id,
                name=form.get("name", "").strip(),
                app_tid=form.get("app_tid", "").strip(),
                settings=await self.metadata.completed(
                    application.id, read_document(ApplicationSettings, form.get("settings", ""))
                ),
            )
        except (InvalidValue, NameTaken, SamlInvalid) as error:
            return await self._page(request, message=error.detail, written=form.get("settings", ""))
        return done(f"{HERE}/{application.id}")

    async def new_secret(self, request: Request, _form: Form) -> Response:
        """Make a secret and show it, this once."""
        application = await self._mutable(request)
        secret = await self.applications.secret(application.id, f"page-{uuid.uuid4()}")
        return await self._page(request, secret=secret)

    async def end_secret(self, request: Request, form: Form) -> Response:
        """End a secret."""
        application = await self._mutable(request)
        await self.applications.end_secret(application.id, form.get("id", ""))
        return done(f"{HERE}/{application.id}")

    async def delete(self, request: Request, _form: Form) -> Response:
        """Delete an application."""
        await self.applications.delete((await self._mutable(request)).id)
        return done(HERE)

    async def _mutable(self, request: Request) -> Application:
        application = await self.applications.resolve(request.path_params["id"])
        if application.id == ADMIN_CLIENT:
            raise InvalidValue("application", "is made by every start anew, and belongs to the configuration")
        return application

    async def _page(self, request: Request, *, message: str = "", written: str = "", secret: str = "") -> Response:
        application = await self.applications.resolve(request.path_params["id"])
        settings = shown_document(application.settings.model_dump(exclude_defaults=True))
        return self.office.show(
            request,
            "admin_application.html",
            HERE,
            400 if message else 200,
            message=message,
            application=application,
            settings=written or settings,
            secret=secret,
            secrets=await self.applications.secret_ids(application.id),
        )
