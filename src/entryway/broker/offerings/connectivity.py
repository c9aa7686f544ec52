"""connectivity, plan lite: the proxy into company networks, and a client that may use it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from entryway.broker.errors import BrokerRequestInvalid
from entryway.broker.offerings.kind import check_binding_parameters, pick
from entryway.clients.applications import ApplicationsClient

MASTER = "connectivity"


@dataclass(frozen=True, slots=True)
class ConnectivityOffering:
    """An instance is a clone of the master `connectivity`."""

    applications: ApplicationsClient
    proxy_host: str
    proxy_port: int

    def works_later(self, instance_id: str, parameters: Mapping[str, Any]) -> bool:
        del instance_id, parameters
        return False

    def remarks(self, parameters: Mapping[str, Any]) -> str:
        del parameters
        return ""

    async def provision(self, instance_id: str, parameters: Mapping[str, Any], name: str) -> None:
        del name
        _check(parameters)
        await self.applications.put_clone(instance_id, MASTER)

    async def update(self, instance_id: str, parameters: Mapping[str, Any], name: str) -> None:
        del instance_id, name
        _check(parameters)

    async def rename(self, instance_id: str, parameters: Mapping[str, Any], name: str) -> None:
        del instance_id, parameters, name

    async def deprovision(self, instance_id: str) -> None:
        await self.applications.delete_application(instance_id)

    async def bind(self, instance_id: str, binding_id: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        check_binding_parameters(parameters)
        return self._credentials(instance_id, await self.applications.put_binding(instance_id, binding_id))

    async def unbind(self, instance_id: str, binding_id: str) -> None:
        await self.applications.delete_binding(instance_id, binding_id)

    def _credentials(self, instance_id: str, client: Mapping[str, Any]) -> dict[str, Any]:
        port = str(self.proxy_port)
        url = str(client.get("url", ""))
        return {
            **pick(
                client,
                "clientid",
                "clientsecret",
                "credential-type",
                "identityzone",
                "tenantid",
                "tenantmode",
                "uaadomain",
                "url",
                "verificationkey",
                "xsappname",
            ),
            "instance_id": instance_id,
            "subaccount_id": str(client.get("subaccountid", "")),
            "subaccount_subdomain": str(client.get("identityzone", "")),
            "token_service_url": url,
            "token_service_domain": urlsplit(url).netloc,
            "token-type": ["xsuaa"],
            "onpremise_proxy_host": self.proxy_host,
            # Some clients read the old name alone, others prefer the new one; both are digits in a text.
            "onpremise_proxy_port": port,
            "onpremise_proxy_http_port": port,
        }


def _check(parameters: Mapping[str, Any]) -> None:
    if parameters:
        raise BrokerRequestInvalid("connectivity has no parameters")
