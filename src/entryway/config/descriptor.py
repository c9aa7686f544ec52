"""An application as its descriptor (`mta.yaml` or `manifest.yml`) describes it: modules and service instances."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from entryway.config.mistakes import Mistake
from entryway.config.schema import did_you_mean

NOTHING: Mapping[str, Any] = MappingProxyType({})


def nothing() -> Mapping[str, Any]:
    """Return an empty mapping that stays empty."""
    return NOTHING


USER_PROVIDED = "user-provided"
XSUAA = "xsuaa"
# What the broker of a landscape offers, and the plan that a descriptor may leave out.
IDENTITY = "identity"
OFFERED = {XSUAA: "application", "destination": "lite", "connectivity": "lite", IDENTITY: "application"}


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """How to know that a module is ready: its port answers, an endpoint answers, or it merely runs."""

    kind: Literal["port", "http", "process"] = "port"
    endpoint: str = "/"
    timeout_seconds: int = 60


@dataclass(frozen=True, slots=True)
class BoundInstance:
    """A service instance that a module wants to be bound to."""

    instance: str
    parameters: Mapping[str, Any] = field(default_factory=nothing)
    binding_name: str | None = None


@dataclass(frozen=True, slots=True)
class Module:
    """One process of the application; `command` None means the application router."""

    name: str
    place: str
    folder: str
    command: str | None
    environment: Mapping[str, str] = field(default_factory=nothing)
    bindings: tuple[BoundInstance, ...] = ()
    health: HealthCheck = HealthCheck()

    @property
    def is_router(self) -> bool:
        return self.command is None


@dataclass(frozen=True, slots=True)
class ServiceInstance:
    """A service instance to create; `service` None if the descriptor names it without saying what it is."""

    name: str
    place: str
    service: str | None
    plan: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=nothing, repr=False)
    source: str | None = None
    """The file, relative to the application's folder, that the parameters are from."""


@dataclass(frozen=True, slots=True)
class Descriptor:
    """The whole application; `file` is the name of the file that describes it."""

    file: str
    name: str
    modules: tuple[Module, ...]
    instances: tuple[ServiceInstance, ...]

    def instance(self, name: str) -> ServiceInstance | None:
        """Return the service instance of this name."""
        return next((each for each in self.instances if each.name == name), None)


def undefined_services(descriptor: Descriptor) -> list[Mistake]:
    """Return a mistake for every service instance of which nobody says what it is, or which nobody offers here."""
    mistakes = []
    hint = f"define it in entryway.yaml under services: service: one of {', '.join((*OFFERED, USER_PROVIDED))}"
    for each in descriptor.instances:
        if each.service is None:
            rule = f'nothing says what the service instance "{each.name}" is'
            mistakes.append(Mistake(descriptor.file, each.place, rule, hint))
        elif each.service != USER_PROVIDED and each.service not in OFFERED:
            rule = f'the service "{each.service}" of "{each.name}" is not offered here'
            near = did_you_mean(each.service, list(OFFERED))
            mistakes.append(
                Mistake(descriptor.file, each.place, rule, near or f"{hint}, or {USER_PROVIDED} with its credentials")
            )
    return mistakes
