"""What the landscape and the command line ask of the platform's services: instances, bindings, users, tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from pydantic import TypeAdapter, ValidationError

from entryway.clients.access import PLATFORM_CLIENT, BearerCaller, OwnToken, accepted
from entryway.clients.http import Answer, HttpClient, call
from entryway.clients.tokens import ClientIdentity, TokenClient, TokenSet, parse_token_answer
from entryway.errors import UpstreamError
from entryway.tunnel.pairing import CONNECTORS_PATH, TOKENS_PATH

BROKER_API_VERSION = "2.17"
_CONNECTORS = TypeAdapter(list[dict[str, Any]])


@dataclass(frozen=True, slots=True)
class PlatformClient:
    """Acts as the client `entryway-platform` on the control plane at `base_url`."""

    http: HttpClient
    base_url: str
    secret: str = field(repr=False)
    broker_url: str = ""
    """Where the broker is, if not at `base_url`."""
    caller: BearerCaller = field(init=False, repr=False)
    _ids: dict[tuple[str, str], tuple[str, str]] = field(init=False, default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        base = self.base_url.rstrip("/")
        identity = ClientIdentity(PLATFORM_CLIENT, self.secret, f"{base}/oauth/token")
        token = OwnToken(TokenClient(self.http), identity)
        object.__setattr__(self, "caller", BearerCaller(self.http, base, token))

    async def provision(
        self,
        instance_id: str,
        service: str,
        plan: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        instance_name: str = "",
    ) -> None:
        """Create the service instance, or update it where it exists with other parameters."""
        service_id, plan_id = await self._catalog_ids(service, plan)
        body = {
            "service_id": service_id,
            "plan_id": plan_id,
            "organization_guid": "entryway",
            "space_guid": "entryway",
            "context": {"platform": "entryway", "instance_name": instance_name},
            "parameters": dict(parameters or {}),
        }
        answer = await self._broker("PUT", _instance(instance_id), body)
        if answer.status == 409:
            answer = await self._broker("PATCH", _instance(instance_id), body)
        accepted(answer)

    async def bind(
        self, instance_id: str, service: str, plan: str, binding_id: str, parameters: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return the credentials of the binding, which is created where it does not exist."""
        service_id, plan_id = await self._catalog_ids(service, plan)
        body = {"service_id": service_id, "plan_id": plan_id, "parameters": dict(parameters or {})}
        answer = accepted(await self._broker("PUT", _binding(instance_id, binding_id), body))
        credentials = answer.json_object().get("credentials")
        if not isinstance(credentials, dict):
            raise UpstreamError(answer.origin, "answered a binding without credentials")
        return credentials

    async def unbind(self, instance_id: str, service: str, plan: str, binding_id: str) -> None:
        """End the binding; one that is gone already is no error."""
        await self._delete(_binding(instance_id, binding_id), service, plan)

    async def deprovision(self, instance_id: str, service: str, plan: str) -> None:
        """Delete the service instance; one that is gone already is no error."""
        await self._delete(_instance(instance_id), service, plan)

    async def put_user(
        self,
        user_name: str,
        *,
        password: str,
        given_name: str,
        family_name: str,
        email: str,
        role_collections: Sequence[str],
    ) -> None:
        """Create or update a user."""
        body = {
            "password": password,
            "given_name": given_name,
            "family_name": family_name,
            "email": email,
            "role_collections": list(role_collections),
        }
        await self.caller.send("PUT", f"/entryway/v1/users/{quote(user_name, safe='')}", json=body)

    async def user_token(self, instance_id: str, user_name: str) -> TokenSet:
        """Return tokens of the user for the application, as if the user had logged in."""
        body = {"instance_id": instance_id, "user_name": user_name}
        answer = await self.caller.send("POST", "/entryway/v1/tokens", json=body)
        return parse_token_answer(Answer(answer.origin, 200, answer.headers, answer.content))

    async def pairing_token(self, location_id: str = "") -> str:
        """Return a token with which one connector may pair once."""
        body = {"location_id": location_id}
        answer = await self.caller.send("POST", TOKENS_PATH, json=body)
        content = answer.json_object()
        token = content.get("token") or content.get("pairing_token")
        if not isinstance(token, str):
            raise UpstreamError(answer.origin, "answered without a pairing token")
        return token

    async def connectors(self, zid: str = "") -> list[dict[str, Any]]:
        """Return the connectors that a tenant paired, with those that were revoked."""
        answer = await self.caller.send("GET", CONNECTORS_PATH + _of_tenant(zid))
        try:
            return _CONNECTORS.validate_json(answer.content)
        except ValidationError as error:
            raise UpstreamError(answer.origin, "answered without a list of connectors") from error

    async def revoke_connector(self, connector_id: str, zid: str = "") -> None:
        """Revoke a connector of a tenant for good."""
        await self.caller.send("DELETE", f"{CONNECTORS_PATH}/{quote(connector_id, safe='')}{_of_tenant(zid)}")

    async def _catalog_ids(self, service: str, plan: str) -> tuple[str, str]:
        if not self._ids:
            content = accepted(await self._broker("GET", "/v2/catalog")).json_object()
            for offering in content.get("services", []):
                for offered in offering.get("plans", []):
                    self._ids[offering["name"], offered["name"]] = (offering["id"], offered["id"])
        if (service, plan) not in self._ids:
            offered_plans = ", ".join(sorted(f"{name} ({of})" for name, of in self._ids))
            raise UpstreamError(self.base_url, f"offers no service {service} ({plan}), only {offered_plans}")
        return self._ids[service, plan]

    async def _broker(
        self, method: str, path: str, body: Any = None, params: Mapping[str, str] | None = None
    ) -> Answer:
        return await call(
            self.http,
            method,
            (self.broker_url or self.base_url).rstrip("/") + path,
            headers={"x-broker-api-version": BROKER_API_VERSION, "accept": "application/json"},
            params=params,
            json=body,
            auth=(PLATFORM_CLIENT, self.secret),
        )

    async def _delete(self, path: str, service: str, plan: str) -> None:
        service_id, plan_id = await self._catalog_ids(service, plan)
        answer = await self._broker("DELETE", path, params={"service_id": service_id, "plan_id": plan_id})
        if answer.status != 410:
            accepted(answer)


def _of_tenant(zid: str) -> str:
    return f"?zid={quote(zid, safe='')}" if zid else ""


def _instance(instance_id: str) -> str:
    return f"/v2/service_instances/{quote(instance_id, safe='')}"


def _binding(instance_id: str, binding_id: str) -> str:
    return f"{_instance(instance_id)}/service_bindings/{quote(binding_id, safe='')}"
