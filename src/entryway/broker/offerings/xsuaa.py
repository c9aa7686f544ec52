"""xsuaa, plan application: an application of the authorization server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from entryway.broker.offerings.kind import check_binding_parameters
from entryway.clients.applications import ApplicationsClient


@dataclass(frozen=True, slots=True)
class XsuaaOffering:
    """The instance's parameters are the `xs-security.json`."""

    applications: ApplicationsClient

    async def provision(self, instance_id: str, parameters: Mapping[str, Any]) -> None:
        await self.applications.put_application(instance_id, _named(instance_id, parameters))

    async def update(self, instance_id: str, parameters: Mapping[str, Any]) -> None:
        await self.applications.put_application(instance_id, _named(instance_id, parameters))

    async def deprovision(self, instance_id: str) -> None:
        await self.applications.delete_application(instance_id)

    async def bind(self, instance_id: str, binding_id: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        check_binding_parameters(parameters, "hide-secret")
        credentials = await self.applications.put_binding(instance_id, binding_id)
        if str(parameters.get("hide-secret", "")).lower() == "true":
            credentials.pop("clientsecret", None)
        return credentials

    async def unbind(self, instance_id: str, binding_id: str) -> None:
        await self.applications.delete_binding(instance_id, binding_id)


def _named(instance_id: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    # An instance without parameters is usual for a first try; it gets a name that is nobody else's.
    return {"xsappname": f"na-{instance_id}", **parameters}
