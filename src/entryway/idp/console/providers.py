"""`/admin/providers`: companies' identity providers, and who logs in there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.responses import Response
from starlette.routing import Route

from entryway.federation.errors import InvalidTrust
from entryway.idp.console.office import done, go
from entryway.idp.console.written_documents import read_document, shown_document
from entryway.idp.corporate.choice import LoginRules
from entryway.idp.corporate.settings import ProviderSettings
from entryway.idp.errors import InvalidValue, NameTaken
from entryway.saml.errors import SamlInvalid

if TYPE_CHECKING:
    from starlette.requests import Request

    from entryway.idp.console.office import Form, Office
    from entryway.idp.corporate.providers import Providers
    from entryway.idp.documents import Documents

HERE = "/admin/providers"
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
            Route(HERE, self.office.page(self.list), methods=["GET"]),
            Route(HERE, self.office.action(self.create), methods=["POST"]),
            Route(f"{HERE}/logins", self.office.action(self.save_rules), methods=["POST"]),
            Route(f"{HERE}/{{alias}}", self.office.page(self.show), methods=["GET"]),
            Route(f"{HERE}/{{alias}}", self.office.action(self.save), methods=["POST"]),
            Route(f"{HERE}/{{alias}}/deletion", self.office.action(self.delete), methods=["POST"]),
        ]

    async def list(self, request: Request) -> Response:
        """Show all providers, and the rules for all applications."""
        return await self._list(request)

    async def create(self, request: Request, form: Form) -> Response:
        """Trust one more provider."""
        alias, written = form.get("alias", "").strip(), form.get("settings", "")
        try:
            await self.providers.create(alias, read_document(ProviderSettings, written))
        except (InvalidValue, InvalidTrust, SamlInvalid, NameTaken) as error:
            return await self._list(request, message=error.detail, alias=alias, settings=written)
        return go(f"{HERE}/{alias}")

    async def save_rules(self, request: Request, form: Form) -> Response:
        """Write where the users of all applications log in."""
        written = form.get("rules", "")
        try:
            await self.documents.save(read_document(LoginRules, written))
        except InvalidValue as error:
            return await self._list(request, message=error.detail, rules=written)
        return done(HERE)

    async def show(self, request: Request) -> Response:
        """Show a provider."""
        return await self._page(request)

    async def save(self, request: Request, form: Form) -> Response:
        """Write a provider's settings."""
        provider = await self.providers.resolve(request.path_params["alias"])
        written = form.get("settings", "")
        try:
            await self.providers.put(provider.alias, read_document(ProviderSettings, written))
        except (InvalidValue, InvalidTrust, SamlInvalid) as error:
            return await self._page(request, message=error.detail, written=written)
        return done(f"{HERE}/{provider.alias}")

    async def delete(self, request: Request, _form: Form) -> Response:
        """Trust a provider no more."""
        await self.providers.delete(request.path_params["alias"])
        return done(HERE)

    async def _list(self, request: Request, *, message: str = "", rules: str = "", **written: str) -> Response:
        return self.office.show(
            request,
            "admin_providers.html",
            HERE,
            400 if message else 200,
            message=message,
            providers=await self.providers.list(),
            rules=rules or shown_document((await self.documents.load(LoginRules)).model_dump()),
            alias=written.get("alias", ""),
            settings=written.get("settings") or shown_document(_BLANK),
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
            settings=written or shown_document(shown),
        )
