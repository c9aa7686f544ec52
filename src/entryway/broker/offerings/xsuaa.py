"""xsuaa: applications and services of the authorization server, and clients of its administration interfaces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from entryway.broker.errors import BrokerRequestInvalid
from entryway.clients.applications import ApplicationsClient
from entryway.config import xs_security
from entryway.config.mistakes import ConfigurationMistakes

LONGEST_REMARKS = 4000


@dataclass(frozen=True, slots=True)
class XsuaaOffering:
    """The plans `application` and `broker`: the instance's parameters are the `xs-security.json`."""

    applications: ApplicationsClient
    plan: str

    def works_later(self, instance_id: str, parameters: Mapping[str, Any]) -> bool:
        try:
            return xs_security.parse(_named(instance_id, parameters)).content.asynchronous
        except ConfigurationMistakes:
            # The authorization server says what is wrong, and nothing is begun.
            return False

    def remarks(self, parameters: Mapping[str, Any]) -> str:
        found = (str(mistake) for mistake in xs_security.check(parameters) if mistake.severity == "warning")
        return "\n".join(found)[:LONGEST_REMARKS]

    async def provision(self, instance_id: str, parameters: Mapping[str, Any], name: str) -> None:
        await self.update(instance_id, parameters, name)

    async def update(self, instance_id: str, parameters: Mapping[str, Any], name: str) -> None:
        named = _named(instance_id, parameters)
        await self.applications.put_application(instance_id, named, plan=self.plan, instance_name=name)

    async def rename(self, instance_id: str, parameters: Mapping[str, Any], name: str) -> None:
        # Descriptors of others may name the instance.
        await self.update(instance_id, parameters, name)

    async def deprovision(self, instance_id: str) -> None:
        await self.applications.delete_application(instance_id)

    async def bind(self, instance_id: str, binding_id: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        return await self.applications.put_binding(instance_id, binding_id, parameters)

    async def unbind(self, instance_id: str, binding_id: str) -> None:
        await self.applications.delete_binding(instance_id, binding_id)


@dataclass(frozen=True, slots=True)
class ApiAccessOffering:
    """The plan `apiaccess`: a client that may do what administrators do."""

    applications: ApplicationsClient

    def works_later(self, instance_id: str, parameters: Mapping[str, Any]) -> bool:
        del instance_id, parameters
        return False

    def remarks(self, parameters: Mapping[str, Any]) -> str:
        del parameters
        return ""

    async def provision(self, instance_id: str, parameters: Mapping[str, Any], name: str) -> None:
        _check_empty(parameters)
        await self.applications.put_api_access(instance_id, instance_name=name)

    async def update(self, instance_id: str, parameters: Mapping[str, Any], name: str) -> None:
        await self.provision(instance_id, parameters, name)

    async def rename(self, instance_id: str, parameters: Mapping[str, Any], name: str) -> None:
        await self.provision(instance_id, parameters, name)

    async def deprovision(self, instance_id: str) -> None:
        await self.applications.delete_application(instance_id)

    async def bind(self, instance_id: str, binding_id: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        return await self.applications.put_binding(instance_id, binding_id, parameters)

    async def unbind(self, instance_id: str, binding_id: str) -> None:
        await self.applications.delete_binding(instance_id, binding_id)


def _check_empty(parameters: Mapping[str, Any]) -> None:
    if parameters:
        raise BrokerRequestInvalid("an instance of the plan apiaccess takes no parameters")


def _named(instance_id: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    # An instance without parameters is usual for a first try; it gets a name that is nobody else's.
    return {"xsappname": f"na-{instance_id}", **parameters}
