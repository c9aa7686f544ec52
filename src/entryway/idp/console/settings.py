"""`/admin/settings` and `/admin/trail`: policies, keys, and who did what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError
from starlette.responses import Response
from starlette.routing import Route

from entryway.idp.console.office import PAGE, done, listed
from entryway.idp.documents import SelfService
from entryway.idp.errors import InvalidValue
from entryway.idp.users.password_policy import PasswordPolicy
from entryway.storage.audit import entries

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from entryway.idp.console.office import Form, Office
    from entryway.idp.documents import Documents
    from entryway.idp.signing_keys import SigningKeys
    from entryway.idp.users.store import Users
    from entryway.storage import Database

HERE = "/admin/settings"
_DOCUMENTS: dict[str, type[BaseModel]] = {"password-policy": PasswordPolicy, "self-service": SelfService}


@dataclass(frozen=True, slots=True)
class SettingsPages:
    """A form for each document of settings; its fields are those of the document."""

    office: Office
    documents: Documents
    keys: SigningKeys
    users: Users
    database: Database

    def routes(self) -> list[Route]:
        """Return where the pages are."""
        return [
            Route(HERE, self.office.page(self.show), methods=["GET"]),
            Route(f"{HERE}/keys", self.office.action(self.rotate), methods=["POST"]),
            Route(f"{HERE}/{{name}}", self.office.action(self.save), methods=["POST"]),
            Route("/admin/trail", self.office.page(self.trail), methods=["GET"]),
        ]

    async def show(self, request: Request) -> Response:
        """Show all settings."""
        return await self._page(request)

    async def save(self, request: Request, form: Form) -> Response:
        """Write one document."""
        kind = _DOCUMENTS.get(request.path_params["name"])
        if kind is None:
            raise InvalidValue("name", "must be one of the documents")
        try:
            document = kind.model_validate(_written(kind, form))
        except ValidationError as error:
            wrong = ", ".join(".".join(map(str, found["loc"])) for found in error.errors(include_input=False))
            return await self._page(request, f"{self.office.say(request, 'error.invalid_value')} ({wrong})")
        await self.documents.save(document)
        return done(HERE)

    async def rotate(self, _request: Request, _form: Form) -> Response:
        """Publish a new signing key."""
        await self.keys.rotate()
        return done(HERE)

    async def trail(self, request: Request) -> Response:
        """Show the latest entries of the audit trail."""
        found = await entries(self.database, limit=PAGE, newest_first=True)
        names = await self.users.names_of({one for entry in found for one in (entry.actor, entry.object_id)})
        return self.office.show(request, "admin_trail.html", "/admin/trail", entries=found, names=names)

    async def _page(self, request: Request, message: str = "") -> Response:
        ring = await self.keys.ring()
        return self.office.show(
            request,
            "admin_settings.html",
            HERE,
            400 if message else 200,
            message=message,
            documents={name: (await self.documents.load(kind)).model_dump() for name, kind in _DOCUMENTS.items()},
            active=ring.active.kid,
            published=[key.kid for key in ring.published],
        )


def _written(kind: type[BaseModel], form: Mapping[str, str]) -> dict[str, Any]:
    """Return what a form says of each field: a box that is not ticked is not sent."""
    values: dict[str, Any] = {}
    for name, field in kind.model_fields.items():
        if field.annotation is bool:
            values[name] = name in form
        elif field.annotation is int:
            values[name] = form.get(name, "")
        else:
            values[name] = listed(form.get(name, ""))
    return values
