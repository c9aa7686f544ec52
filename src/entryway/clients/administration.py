"""The administrators' interfaces of an authorization server, for programs: users, roles, trust, settings, tenants."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from entryway.clients.access import BearerCaller, OwnToken
from entryway.clients.http import HttpClient
from entryway.clients.tokens import ClientIdentity, TokenClient
from entryway.errors import UpstreamError

_PAGE = 500


@dataclass(frozen=True, slots=True)
class AdministrationClient:
    """Acts with the rights of one client; `tenant` names another than the client's, for the platform alone."""

    caller: BearerCaller

    @classmethod
    def acting_as(
        cls, http: HttpClient, url: str, client: tuple[str, str], *, token_url: str = "", tenant: str = ""
    ) -> AdministrationClient:
        """Return a client of the interfaces at `url`."""
        identity = ClientIdentity(client[0], client[1], f"{(token_url or url).rstrip('/')}/oauth/token")
        headers = {"x-identity-zone-subdomain": tenant} if tenant else {}
        return cls(BearerCaller(http, url, OwnToken(TokenClient(http), identity), headers))

    async def ask(self, method: str, path: str, body: Any = None, query: Mapping[str, str] | None = None) -> Any:
        """Return what is answered, None where that is nothing; raise PlatformRefused for what is refused."""
        encoded = f"?{urlencode(query, quote_via=quote)}" if query else ""
        answer = await self.caller.send(method, f"{path}{encoded}", json=body)
        if not answer.content:
            return None
        try:
            return json.loads(answer.content)
        except ValueError as error:
            raise UpstreamError(answer.origin, "answered with a body that is not JSON") from error

    async def listed(self, path: str, query: Mapping[str, str] | None = None) -> list[Any]:
        """Return a list of `/sap/rest`, however long it is, piece after piece."""
        found: list[Any] = []
        while True:
            piece = {"startIndex": str(len(found) + 1), "count": str(_PAGE)}
            page = await self.ask("GET", path, query={**(query or {}), **piece})
            found += page
            if len(page) < _PAGE:
                return found

    async def users(self, text: str = "") -> list[dict[str, Any]]:
        """Return every user that fits a SCIM filter, page after page."""
        found: list[dict[str, Any]] = []
        while True:
            query = {"startIndex": str(len(found) + 1), "count": str(_PAGE), "sortBy": "userName"}
            page = await self.ask("GET", "/Users", query=query | ({"filter": text} if text else {}))
            found += page["Resources"]
            if not page["Resources"] or len(found) >= page["totalResults"]:
                return found

    async def user(self, name: str, origin: str) -> dict[str, Any] | None:
        """Return the user by this name of an origin."""
        found = await self.users(f"userName eq {json.dumps(name)} and origin eq {json.dumps(origin)}")
        return found[0] if found else None
