"""`/admin/providers`: companies' identity providers, and who logs in there."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.responses import Response
from starlette.routing import Route

from entryway.federation.errors import InvalidTrust
from entryway.idp.console.office import go
from entryway.idp.corporate.choice import LoginRules
from entryway.idp.corporate.settings import ProviderSettings
from entryway.idp.errors import InvalidValue, NameTaken
from entryway.saml.errors import SamlInvalid

if TYPE_CHECKING:
    from starlette.requests import Request

    from entryway.idp.console.office import Office
    from entryway.idp.corporate.providers import Providers
    from entryway.idp.documents import Documents

HERE = "/admin/providers"
_Document = TypeVar("_Document", bound=BaseModel)
_BLANK: dict[str, Any] = {
    "type": "oidc1.0",
    "name": "",
    "config": {"issuer": "https://", "client_id": "", "client_secret": ""},
}


@dataclass(frozen=True, slots=True)
class ProviderPages:
    """A list, and a page for each provider; settings are documents of JSON."""

    office: Office
    providers: Providers
    documents: Documents

    def routes(self) -> list[Route]:
        """Return where the pages are."""
        return [
            Route(HERE, self.list, methods=["GET"]),
            Route(HERE, self.create, methods=["POST"]),
            Route(f"{HERE}/logins", self.save_rules, methods=["POST"]),
            Route(f"{HERE}/{{alias}}", self.show, methods=["GET"]),
            Route(f"{HERE}/{{alias}}", self.save, methods=["POST"]),
            Route(f"{HERE}/{{alias}}/deletion", self.delete, methods=["POST"]),
        ]

    async def list(self, request: Request) -> Response:
        """Show all providers, and the rules for all applications."""
        visitor = await self.office.enter(request)
        return visitor if isinstance(visitor, Response) else await self._list(request)

    async def create(self, request: Request) -> Response:
        """Trust one more provider."""
        acting = await self.office.act(request)
        if isinstance(acting, Response):
            return acting
        alias, written = acting[1].get("alias", "").strip(), acting[1].get("settings", "")
        try:
            await self.providers.create(alias, _read(ProviderSettings, written))
        except (InvalidValue, InvalidTrust, SamlInvalid, NameTaken) as error:
            return await self._list(request, message=error.detail, alias=alias, settings=written)
        return go(f"{HERE}/{alias}")

    async def save_rules(self, request: Request) -> Response:
        """Write where the users of all applications log in."""
        acting = await self.office.act(request)
        if isinstance(acting, Response):
            return acting
        written = acting[1].get("rules", "")
        try:
            await self.documents.save(_read(LoginRules, written))
        except InvalidValue as error:
            return await self._list(request, message=error.detail, rules=written)
        return go(HERE)

    async def show(self, request: Request) -> Response:
        """Show a provider."""
        visitor = await self.office.enter(request)
        return visitor if isinstance(visitor, Response) else await self._page(request)

    async def save(self, request: Request) -> Response:
        """Write a provider's settings."""
        acting = await self.office.act(request)
        if isinstance(acting, Response):
            return acting
        provider = await self.providers.resolve(request.path_params["alias"])
        written = acting[1].get("settings", "")
        try:
            await self.providers.put(provider.alias, _read(ProviderSettings, written))
        except (InvalidValue, InvalidTrust, SamlInvalid) as error:
            return await self._page(request, message=error.detail, written=written)
        return go(f"{HERE}/{provider.alias}")

    async def delete(self, request: Request) -> Response:
        """Trust a provider no more."""
        acting = await self.office.act(request)
        if isinstance(acting, Response):
            return acting
        await self.providers.delete(request.path_params["alias"])
        return go(HERE)

    async def _list(self, request: Request, *, message: str = "", rules: str = "", **written: str) -> Response:
        return self.office.show(
            request,
            "admin_providers.html",
            HERE,
            400 if message else 200,
            message=message,
            providers=await self.providers.list(),
            rules=rules or _text((await self.documents.load(LoginRules)).model_dump()),
            alias=written.get("alias", ""),
            settings=written.get("settings") or _text(_BLANK),
        )

    async def _page(self, request: Request, *, message: str = "", written: str = "") -> Response:
        provider = await self.providers.resolve(request.path_params["alias"])
        shown = provider.settings.model_dump(exclude_defaults=True)
        return self.office.show(
            request,
            "admin_provider.html",
            HERE,
            400 if message else 200,
            message=message,
            provider=provider,
            settings=written or _text(shown),
        )


def _read(kind: type[_Document], written: str) -> _Document:
    try:
        return kind.model_validate_json(written or "{}")
    except ValidationError as error:
        wrong = [
            f"{'.'.join(map(str, found['loc']))}: {found['msg']}"
            for found in error.errors(include_url=False, include_input=False, include_context=False)
        ]
        raise InvalidValue("settings", "; ".join(wrong)) from error


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False)
