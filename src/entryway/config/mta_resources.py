"""Resources of `mta.yaml` that are service instances."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from entryway.config.descriptor import OFFERED, USER_PROVIDED, XSUAA, ServiceInstance
from entryway.config.json_file import read_json_object
from entryway.config.mistakes import Mistake
from entryway.config.mta_schema import ResourceDocument
from entryway.config.schema import wrong_type

MANAGED = "org.cloudfoundry.managed-service"
EXISTING = frozenset({"org.cloudfoundry.existing-service", "org.cloudfoundry.existing-service-key"})
USER = "org.cloudfoundry.user-provided-service"
# Types that name a service themselves.
NAMED = {"com.sap.xs.uaa": XSUAA, "com.sap.xs.uaa-space": XSUAA}


def is_service(resource: ResourceDocument) -> bool:
    """Return whether a resource stands for a service instance, and not merely for properties."""
    return resource.type in {MANAGED, USER, *EXISTING, *NAMED}


def instance_name(resource: ResourceDocument) -> str:
    """Return the name of the service instance."""
    name = resource.parameters.get("service-name")
    return name if isinstance(name, str) and name else resource.name


def read_instance(
    resource: ResourceDocument, parameters: Mapping[str, Any], folder: Path, file: str, place: str
) -> tuple[ServiceInstance | None, list[Mistake]]:
    """Return the service instance that a resource asks for, if it asks for one."""
    if resource.type is None:
        return None, []
    if not is_service(resource):
        rule = f'a resource of type "{resource.type}" is left out'
        return None, [Mistake(file, f"{place}/type", rule, f"known: {MANAGED}, {USER}", "warning")]
    name = instance_name(resource)
    if resource.type in EXISTING:
        return ServiceInstance(name, place, None), []
    config, mistakes = instance_parameters(parameters, folder, file, f"{place}/parameters")
    if resource.type == USER:
        return ServiceInstance(name, place, USER_PROVIDED, None, config), mistakes
    service = NAMED.get(resource.type) or parameters.get("service")
    if not isinstance(service, str):
        rule = "Missing required property: service"
        return None, [*mistakes, Mistake(file, f"{place}/parameters", rule, f"one of {', '.join(OFFERED)}")]
    plan = parameters.get("service-plan", OFFERED.get(service))
    if plan is not None and not isinstance(plan, str):
        mistakes.append(Mistake(file, f"{place}/parameters/service-plan", wrong_type(plan, "string")))
        plan = None
    path = parameters.get("path")
    return ServiceInstance(name, place, service, plan, config, path if isinstance(path, str) else None), mistakes


def instance_parameters(
    parameters: Mapping[str, Any], folder: Path, file: str, place: str
) -> tuple[dict[str, Any], list[Mistake]]:
    """Return the parameters of a service instance: the file at `path`, and `config` on top of it."""
    mistakes: list[Mistake] = []
    merged: dict[str, Any] = {}
    path = parameters.get("path")
    if isinstance(path, str):
        content, mistakes = read_json_object(folder / path, path.removeprefix("./"))
        merged |= content or {}
    elif path is not None:
        mistakes.append(Mistake(file, f"{place}/path", wrong_type(path, "string")))
    config = parameters.get("config", {})
    if isinstance(config, Mapping):
        merged |= config
    elif config is not None:
        mistakes.append(Mistake(file, f"{place}/config", wrong_type(config, "object")))
    return merged, mistakes
