"""What the broker asks the authorization server: clients for applications, and secrets for their bindings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from entryway.clients.access import BearerCaller, PlatformRefused
from entryway.errors import UpstreamError


@dataclass(frozen=True, slots=True)
class RegisteredApplication:
    """How the authorization server knows an application or a clone."""

    xsappname: str
    clientid: str


@dataclass(frozen=True, slots=True)
class ApplicationsClient:
    """Speaks the authorization server's internal interface, with the right of the platform."""

    caller: BearerCaller

    async def put_application(self, instance_id: str, xs_security: Mapping[str, Any]) -> RegisteredApplication:
        """Create or update the application that `xs-security.json` describes."""
        return await self._put(instance_id, {"plan": "application", "xs_security": dict(xs_security)})

    async def put_clone(self, instance_id: str, master: str) -> RegisteredApplication:
        """Create the client of one instance of the service `master`."""
        return await self._put(instance_id, {"plan": "clone", "master": master})

    async def delete_application(self, instance_id: str) -> None:
        """Delete an application or a clone with all its bindings."""
        await self._delete(_path(instance_id))

    async def put_binding(self, instance_id: str, binding_id: str) -> dict[str, Any]:
        """Return the credentials of a binding; the same ids give the same credentials again."""
        answer = await self.caller.send("PUT", f"{_path(instance_id)}/bindings/{quote(binding_id, safe='')}")
        return answer.json_object()

    async def delete_binding(self, instance_id: str, binding_id: str) -> None:
        """End a binding: its secret is worth nothing from now on."""
        await self._delete(f"{_path(instance_id)}/bindings/{quote(binding_id, safe='')}")

    async def _delete(self, path: str) -> None:
        try:
            await self.caller.send("DELETE", path)
        except PlatformRefused as error:
            # What is gone already need not be deleted.
            if error.answered not in {404, 410}:
                raise

    async def _put(self, instance_id: str, body: Mapping[str, Any]) -> RegisteredApplication:
        answer = await self.caller.send("PUT", _path(instance_id), json=body)
        content = answer.json_object()
        xsappname, clientid = content.get("xsappname"), content.get("clientid")
        if not isinstance(xsappname, str) or not isinstance(clientid, str):
            raise UpstreamError(answer.origin, "answered without xsappname and clientid")
        return RegisteredApplication(xsappname, clientid)


def _path(instance_id: str) -> str:
    return f"/entryway/v1/applications/{quote(instance_id, safe='')}"
