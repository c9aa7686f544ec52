"""`manifest.yml`: the applications of a push, as modules.

It names service instances without saying what they are; `entryway.yaml` does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from entryway.config.descriptor import BoundInstance, Descriptor, HealthCheck, Module, ServiceInstance
from entryway.config.mistakes import Mistake
from entryway.config.mta_placeholders import text_of
from entryway.config.mta_schema import KebabDocument, Name, Text, Values
from entryway.config.schema import check, pointer
from entryway.config.start_command import find_command, is_router_folder
from entryway.config.yaml_file import read_yaml_object

ATTRIBUTES_OF_ALL = frozenset({"applications", "version", "inherit"})
_VARIABLE = re.compile(r"\(\(([A-Za-z0-9_.\-]+)\)\)")


class ServiceReference(KebabDocument):
    name: Name
    parameters: Values
    binding_name: Annotated[str | None, Field(alias="binding_name")] = None


def _reference(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


def _no_entries(value: Any) -> Any:
    return [] if value is None else value


class ApplicationDocument(KebabDocument):
    """One application; attributes that only a platform needs are known by name, so that misspelled ones are noticed."""

    name: Name
    path: str | None = None
    command: Annotated[str | None, BeforeValidator(lambda value: None if value in {"null", "default"} else value)] = (
        None
    )
    env: Values
    services: Annotated[
        list[Annotated[ServiceReference, BeforeValidator(_reference)]],
        BeforeValidator(_no_entries),
        Field(default_factory=list),
    ]
    no_route: bool = False
    health_check_type: Literal["port", "http", "process", "none"] = "port"
    health_check_http_endpoint: str = "/"
    timeout: Annotated[int, Field(ge=1, le=600)] = 60
    buildpack: Any = None
    buildpacks: Any = None
    default_route: Any = None
    disk_quota: Any = None
    docker: Any = None
    domain: Text | None = None
    domains: Any = None
    features: Any = None
    health_check_interval: Any = None
    health_check_invocation_timeout: Any = None
    host: Text | None = None
    hosts: Any = None
    instances: Any = None
    lifecycle: Any = None
    log_rate_limit_per_second: Any = None
    memory: Any = None
    metadata: Any = None
    no_hostname: Any = None
    processes: Any = None
    random_route: Any = None
    readiness_health_check_http_endpoint: Any = None
    readiness_health_check_interval: Any = None
    readiness_health_check_invocation_timeout: Any = None
    readiness_health_check_type: Any = None
    routes: Any = None
    sidecars: Any = None
    stack: Any = None
    type: Any = None


def read_manifest(path: Path) -> tuple[Descriptor | None, list[Mistake]]:
    """Return the applications as modules, and every mistake."""
    content, mistakes = read_yaml_object(path, path.name)
    if content is None:
        return None, mistakes
    raw = content.get("applications")
    if not isinstance(raw, list) or not raw:
        rule = "there is no application to start"
        return None, [*mistakes, Mistake(path.name, "/applications", rule, "add applications: - name: …")]
    shared = {key: value for key, value in content.items() if key not in ATTRIBUTES_OF_ALL}
    modules: list[Module] = []
    for index, application in enumerate(raw):
        module, wrong = _module(application, shared, path, f"/applications/{index}")
        mistakes += wrong
        if module:
            modules.append(module)
    mistakes += _twice(modules, path.name)
    return Descriptor(path.name, path.parent.name, tuple(modules), tuple(_instances(modules))), mistakes


def _module(raw: Any, shared: Mapping[str, Any], path: Path, place: str) -> tuple[Module | None, list[Mistake]]:
    document, mistakes = check(
        ApplicationDocument, {**shared, **raw} if isinstance(raw, dict) else raw, path.name, place
    )
    if document is None:
        return None, mistakes
    mistakes += _variables(raw, path.name, place)
    folder = document.path or "."
    command = document.command or _command(path.parent / folder, document)
    health = "process" if document.no_route or document.health_check_type == "none" else document.health_check_type
    module = Module(
        document.name,
        place,
        folder,
        command,
        {name: text_of(value) for name, value in document.env.items() if value is not None},
        tuple(BoundInstance(each.name, each.parameters, each.binding_name) for each in document.services),
        HealthCheck(health, document.health_check_http_endpoint, document.timeout),
    )
    return module, mistakes


def start_mistakes(descriptor: Descriptor, folder: Path) -> Iterator[Mistake]:
    """Yield what stands against starting the modules here: a folder or a command that is missing."""
    for module in descriptor.modules:
        if not (folder / module.folder).is_dir():
            rule = f'the folder "{module.folder}" does not exist'
            yield Mistake(descriptor.file, f"{module.place}/path", rule)
        elif module.command == "":
            rule = f'nothing says how to start "{module.name}"'
            hint = "add command, or a Procfile with a line web: to its folder"
            yield Mistake(descriptor.file, module.place, rule, hint)


def _command(folder: Path, document: ApplicationDocument) -> str | None:
    """Return the command that the folder itself suggests: None for a router, empty if there is none."""
    buildpacks = str(document.buildpacks or document.buildpack or "node")
    return None if "node" in buildpacks and is_router_folder(folder) else find_command(folder) or ""


def _instances(modules: list[Module]) -> Iterator[ServiceInstance]:
    seen = set()
    for module in modules:
        for index, bound in enumerate(module.bindings):
            if bound.instance not in seen:
                seen.add(bound.instance)
                yield ServiceInstance(bound.instance, f"{module.place}/services/{index}", None)


def _variables(value: Any, file: str, place: str) -> Iterator[Mistake]:
    if isinstance(value, dict):
        for key, member in value.items():
            yield from _variables(member, file, place + pointer([str(key)]))
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from _variables(member, file, f"{place}/{index}")
    elif isinstance(value, str):
        for name in _VARIABLE.findall(value):
            yield Mistake(file, place, f"the variable (({name})) has no value here", "write the value itself")


def _twice(modules: list[Module], file: str) -> Iterator[Mistake]:
    seen: dict[str, str] = {}
    for module in modules:
        if module.name in seen:
            rule = f'the name "{module.name}" is taken by {seen[module.name]}'
            yield Mistake(file, f"{module.place}/name", rule, "choose another one")
        seen.setdefault(module.name, module.place)
