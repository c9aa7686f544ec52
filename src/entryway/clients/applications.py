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

    async def put_application(
        self, instance_id: str, xs_security: Mapping[str, Any], *, plan: str = "application", instance_name: str = ""
    ) -> RegisteredApplication:
        """Create or update the application (or service, plan `broker`) that `xs-security.json` describes."""
        body = {"plan": plan, "xs_security": dict(xs_security), "instance_name": instance_name or None}
        return await self._put(instance_id, body)

    async def put_api_access(self, instance_id: str, *, instance_name: str = "") -> RegisteredApplication:
        """Create a client that may use the administration interfaces."""
        return await self._put(instance_id, {"plan": "apiaccess", "instance_name": instance_name or None})

    async def put_clone(self, instance_id: str, master: str) -> RegisteredApplication:
        """Create the client of one instance of the service `master`."""
        return await self._put(instance_id, {"plan": "clone", "master": master})

    async def delete_application(self, instance_id: str) -> None:
        """Delete an application or a clone with all its bindings."""
        await self._delete(_path(instance_id))

    async def put_binding(
        self, instance_id: str, binding_id: str, parameters: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return the credentials of a binding; the same ids give the same credentials again."""
        path = f"{_path(instance_id)}/bindings/{quote(binding_id, safe='')}"
        answer = await self.caller.send("PUT", path, json={"parameters": dict(parameters or {})})
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
