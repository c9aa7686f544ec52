"""What the broker and the landscape ask of the identity provider: applications, bindings and users."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from entryway.clients.access import BearerCaller, OwnToken, PlatformRefused
from entryway.clients.http import HttpClient
from entryway.clients.tokens import ClientIdentity, TokenClient

ADMIN_CLIENT = "entryway-admin"
BASE = "/entryway/v1"


@dataclass(frozen=True, slots=True)
class IdentityProviderClient:
    """Speaks the identity provider's interface for administrators."""

    caller: BearerCaller

    async def put_application(
        self, application_id: str, *, name: str, app_tid: str, settings: Mapping[str, Any]
    ) -> None:
        """Create an application, or change it; its client id is its own."""
        body = {"name": name, "app_tid": app_tid, "settings": dict(settings)}
        await self.caller.send("PUT", _application(application_id), json=body)

    async def delete_application(self, application_id: str) -> None:
        """Delete an application with all its bindings."""
        try:
            await self.caller.send("DELETE", _application(application_id))
        except PlatformRefused as error:
            # What is gone already need not be deleted.
            if error.answered != 404:
                raise

    async def put_binding(self, application_id: str, binding_id: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Return the credentials of a binding; the same ids give the same credentials again."""
        path = f"{_application(application_id)}/bindings/{quote(binding_id, safe='')}"
        return (await self.caller.send("PUT", path, json=dict(parameters))).json_object()

    async def delete_binding(self, application_id: str, binding_id: str) -> None:
        """End a binding: its secret or certificate is worth nothing from now on."""
        await self.caller.send("DELETE", f"{_application(application_id)}/bindings/{quote(binding_id, safe='')}")

    async def put_user(self, user_name: str, document: Mapping[str, Any]) -> None:
        """Create a user, or write all of one anew."""
        await self.caller.send("PUT", f"{BASE}/users/{quote(user_name, safe='')}", json=dict(document))

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Return what the interface answers; None where it answers nothing."""
        answer = await self.caller.send(method, f"{BASE}{path}", json=body)
        return answer.json_object() if answer.content else None


def identity_provider(http: HttpClient, url: str, secret: str) -> IdentityProviderClient:
    """Return a client of the identity provider at `url` that acts as its administrator."""
    identity = ClientIdentity(ADMIN_CLIENT, secret, f"{url}/oauth2/token")
    return IdentityProviderClient(BearerCaller(http, url, OwnToken(TokenClient(http), identity)))


def _application(application_id: str) -> str:
    return f"{BASE}/applications/{quote(application_id, safe='')}"
