"""destination, plan lite: a client of the destination service, and the destinations it starts with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from entryway.broker.errors import BrokerRequestInvalid
from entryway.broker.offerings.kind import check_binding_parameters, pick
from entryway.clients.access import BearerCaller, OwnToken
from entryway.clients.applications import ApplicationsClient
from entryway.clients.destination_admin import DestinationAdmin, Level
from entryway.clients.tokens import ClientIdentity, TokenClient
from entryway.errors import EntrywayError, UpstreamError
from entryway.telemetry import get_logger

MASTER = "destination-xsappname"
# The binding with which the broker itself acts for an instance; no application gets it.
OWN_BINDING = "entryway-broker"
LEVELS: tuple[Level, ...] = ("subaccount", "instance")
Policy = Literal["update", "fail", "ignore"]

log = get_logger("broker")


@dataclass(frozen=True, slots=True)
class InitialDestinations:
    """The destinations of one level that an instance shall start with."""

    level: Level
    destinations: tuple[Mapping[str, Any], ...]
    policy: Policy


@dataclass(frozen=True, slots=True)
class DestinationOffering:
    """An instance is a clone of the master `destination-xsappname`."""

    applications: ApplicationsClient
    tokens: TokenClient
    uri: str

    def works_later(self, instance_id: str, parameters: Mapping[str, Any]) -> bool:
        del instance_id, parameters
        return False

    def remarks(self, parameters: Mapping[str, Any]) -> str:
        del parameters
        return ""

    async def provision(self, instance_id: str, parameters: Mapping[str, Any], name: str) -> None:
        del name
        initial = parse_initial(parameters)
        await self.applications.put_clone(instance_id, MASTER)
        try:
            await self._initialize(instance_id, initial)
        except EntrywayError:
            await self.deprovision(instance_id)
            raise

    async def update(self, instance_id: str, parameters: Mapping[str, Any], name: str) -> None:
        del name
        await self._initialize(instance_id, parse_initial(parameters))

    async def rename(self, instance_id: str, parameters: Mapping[str, Any], name: str) -> None:
        del instance_id, parameters, name

    async def deprovision(self, instance_id: str) -> None:
        try:
            admin = await self._admin(instance_id)
            for name in await admin.names("instance"):
                await admin.delete("instance", name)
        except UpstreamError as error:
            # The client goes in any case: destinations that stay behind can be reached by nobody.
            log.warning("destinations_left_behind", instance_id=instance_id, reason=error.detail)
        await self.applications.delete_application(instance_id)

    async def bind(self, instance_id: str, binding_id: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        check_binding_parameters(parameters)
        client = await self.applications.put_binding(instance_id, binding_id)
        return {
            **pick(
                client,
                "certurl",
                "clientid",
                "clientsecret",
                "credential-type",
                "identityzone",
                "subaccountid",
                "tenantid",
                "tenantmode",
                "uaadomain",
                "url",
                "verificationkey",
                "xsappname",
            ),
            "instanceid": instance_id,
            "uri": self.uri,
        }

    async def unbind(self, instance_id: str, binding_id: str) -> None:
        await self.applications.delete_binding(instance_id, binding_id)

    async def _initialize(self, instance_id: str, initial: list[InitialDestinations]) -> None:
        if not any(part.destinations for part in initial):
            return
        admin = await self._admin(instance_id)
        for part in initial:
            for destination in part.destinations:
                await _store(admin, part, destination)

    async def _admin(self, instance_id: str) -> DestinationAdmin:
        client = await self.applications.put_binding(instance_id, OWN_BINDING)
        identity = ClientIdentity(client["clientid"], client["clientsecret"], f"{client['url']}/oauth/token")
        return DestinationAdmin(BearerCaller(self.tokens.http, self.uri, OwnToken(self.tokens, identity)))


async def _store(admin: DestinationAdmin, part: InitialDestinations, destination: Mapping[str, Any]) -> None:
    if await admin.create(part.level, destination):
        return
    if part.policy == "fail":
        name = str(destination.get("Name"))[:200]
        raise BrokerRequestInvalid(
            f"a destination with the name {name} exists already on the level {part.level}; "
            "existing_destinations_policy can be update or ignore"
        )
    if part.policy == "update":
        await admin.replace(part.level, destination)


def parse_initial(parameters: Mapping[str, Any]) -> list[InitialDestinations]:
    """Return the destinations that the parameters ask for, or raise naming what cannot be understood."""
    unknown = sorted(set(parameters) - {"init_data", "HTML5Runtime_enabled", "version"})
    if unknown:
        raise BrokerRequestInvalid(f"parameters that are not supported: {', '.join(unknown)[:200]}")
    init_data = parameters.get("init_data", {})
    if not isinstance(init_data, dict) or set(init_data) - set(LEVELS):
        raise BrokerRequestInvalid("init_data must be an object with the members subaccount and instance")
    return [_parse_level(level, init_data.get(level, {})) for level in LEVELS]


def _parse_level(level: Level, content: Any) -> InitialDestinations:
    at = f"init_data.{level}"
    if not isinstance(content, dict):
        raise BrokerRequestInvalid(f"{at} must be an object")
    if content.get("certificates"):
        raise BrokerRequestInvalid(f"{at}.certificates is not supported: certificates are not offered")
    destinations = content.get("destinations", [])
    if not isinstance(destinations, list) or not all(isinstance(entry, dict) for entry in destinations):
        raise BrokerRequestInvalid(f"{at}.destinations must be an array of objects")
    policy = content.get("existing_destinations_policy", "fail")
    if policy not in get_args(Policy):
        raise BrokerRequestInvalid(f"{at}.existing_destinations_policy must be update, fail or ignore")
    return InitialDestinations(level, tuple(destinations), policy)
