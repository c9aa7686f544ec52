"""`mta.yaml` (or `mtad.yaml`): an application's modules and services, with every placeholder resolved."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from entryway.config.descriptor import BoundInstance, Descriptor, HealthCheck, Module, ServiceInstance
from entryway.config.mistakes import Mistake
from entryway.config.mta_placeholders import Resolver, Scope, Unresolved, resolve, text_of
from entryway.config.mta_resources import instance_name, is_service, read_instance
from entryway.config.mta_schema import HealthParameters, ModuleDocument, MtaDocument, RequiresDocument
from entryway.config.schema import check, did_you_mean
from entryway.config.start_command import find_command, is_router_folder
from entryway.config.yaml_file import read_yaml_object

ROUTER_TYPE = "approuter.nodejs"
NODE_TYPES = frozenset({ROUTER_TYPE, "nodejs", "javascript.nodejs"})
# What these bring is deployed to a service instead of being started.
CONTENT_TYPES = frozenset(
    {
        "html5",
        "com.sap.application.content",
        "com.sap.html5.application-content",
        "com.sap.portal.content",
        "com.sap.portal.site-content",
    }
)
UrlOf = Callable[[str], str]


def read_mta(path: Path, url_of: UrlOf) -> tuple[Descriptor | None, list[Mistake]]:
    """Return the application and every mistake; `url_of` says under which URL a module will be reached."""
    content, mistakes = read_yaml_object(path, path.name)
    if content is None:
        return None, mistakes
    document, wrong = check(MtaDocument, content, path.name)
    mistakes += wrong
    if document is None:
        return None, mistakes
    mistakes += _names_used_twice(document, path.name)
    if not document.modules:
        mistakes.append(Mistake(path.name, "/modules", "there is no module to start"))
    return _Reader(document, path, url_of, mistakes).descriptor(), mistakes


class _Reader:
    """One pass over a document; collects mistakes as it goes."""

    def __init__(self, document: MtaDocument, path: Path, url_of: UrlOf, mistakes: list[Mistake]) -> None:
        self.document = document
        self.file = path.name
        self.folder = path.parent
        self.mistakes = mistakes
        self.resolver = Resolver(self.file, mistakes)
        self.parameters = {module.name: self._parameters(module, url_of) for module in document.modules}
        self.provided = self._provided()

    def descriptor(self) -> Descriptor:
        modules = [
            built
            for index, module in enumerate(self.document.modules)
            if (built := self._module(module, f"/modules/{index}")) is not None
        ]
        return Descriptor(self.file, self.document.id, tuple(modules), tuple(self._instances()))

    def _parameters(self, module: ModuleDocument, url_of: UrlOf) -> dict[str, Any]:
        url = url_of(module.name)
        uri = url.partition("://")[2]
        return {
            "default-url": url,
            "default-uri": uri,
            "default-host": uri.partition(":")[0],
            "default-domain": "localhost",
            "protocol": "http",
            "app-name": module.name,
            **self._landscape_parameters(),
            **self.document.parameters,
            **module.parameters,
        }

    def _landscape_parameters(self) -> dict[str, str]:
        return {"mta-id": self.document.id, "mta-version": self.document.version, "org": "local", "space": "local"}

    def _provided(self) -> dict[str, tuple[Mapping[str, Any], Scope]]:
        """Return what each name that may be required offers, with the scope in which it was written."""
        found: dict[str, tuple[Mapping[str, Any], Scope]] = {}
        for module in self.document.modules:
            scope = Scope(self.parameters[module.name])
            found[module.name] = (module.properties, scope)
            found |= {provided.name: (provided.properties, scope) for provided in module.provides}
        for resource in self.document.resources:
            scope = Scope({**self._landscape_parameters(), **self.document.parameters, **resource.parameters})
            found[resource.name] = (resource.properties, scope)
        return found

    def _module(self, module: ModuleDocument, place: str) -> Module | None:
        scope = self._scope(module.requires, self.parameters[module.name], place)
        if module.type in CONTENT_TYPES:
            rule = f'a module of type "{module.type}" is not started here'
            self.mistakes.append(Mistake(self.file, f"{place}/type", rule, severity="warning"))
            return None
        environment = self.resolver.values(module.properties, scope, f"{place}/properties")
        for entry_place, required in _entries(module.requires, place):
            self._add_required(required, scope, entry_place, environment)
        folder = module.path or "."
        if not (self.folder / folder).is_dir():
            self.mistakes.append(Mistake(self.file, f"{place}/path", f'the folder "{folder}" does not exist'))
        parameters = self.resolver.values(module.parameters, scope, f"{place}/parameters")
        return Module(
            module.name,
            place,
            folder,
            self._command(module, parameters, self.folder / folder, place),
            {name: text_of(value) for name, value in environment.items() if value is not None},
            tuple(self._bindings(module, scope, place)),
            self._health(parameters, place),
        )

    def _scope(self, requires: list[RequiresDocument], parameters: Mapping[str, Any], place: str) -> Scope:
        required = {}
        for entry_place, entry in _entries(requires, place):
            if entry.name in self.provided:
                required[entry.name] = self.provided[entry.name]
            else:
                rule = f'nothing in this file provides "{entry.name}"'
                near = did_you_mean(entry.name, sorted(self.provided))
                self.mistakes.append(Mistake(self.file, f"{entry_place}/name", rule, near))
        return Scope(parameters, required)

    def _add_required(self, required: RequiresDocument, scope: Scope, place: str, environment: dict[str, Any]) -> None:
        if not required.properties or required.name not in scope.required:
            return
        entry = Scope(scope.parameters, scope.required, required.name)
        values = self.resolver.values(required.properties, entry, f"{place}/properties")
        group = required.group or required.list
        if group is None:
            environment.update(values)
        else:
            environment[group] = [*environment.get(group, []), values]

    def _bindings(self, module: ModuleDocument, scope: Scope, place: str) -> Iterator[BoundInstance]:
        services = {each.name: each for each in self.document.resources if each.active and is_service(each)}
        for entry_place, required in _entries(module.requires, place):
            if required.name in services:
                parameters = self.resolver.values(required.parameters, scope, f"{entry_place}/parameters")
                config = parameters.get("config")
                yield BoundInstance(
                    instance_name(services[required.name]),
                    config if isinstance(config, dict) else {},
                    parameters.get("binding-name"),
                )

    def _command(self, module: ModuleDocument, parameters: Mapping[str, Any], folder: Path, place: str) -> str | None:
        command = parameters.get("command")
        if isinstance(command, str) and command.strip():
            return command
        if "command" in module.parameters and "command" not in parameters:
            return ""  # a placeholder in it has no value, which is said already
        if command is not None:
            rule = "the command must be a text that is not empty"
            self.mistakes.append(Mistake(self.file, f"{place}/parameters/command", rule))
            return ""
        if module.type == ROUTER_TYPE or (module.type in NODE_TYPES and is_router_folder(folder)):
            return None
        found = find_command(folder)
        if found is None:
            rule = f'nothing says how to start "{module.name}"'
            hint = "add parameters: command, or a Procfile with a line web: to its folder"
            self.mistakes.append(Mistake(self.file, place, rule, hint))
        return found or ""

    def _health(self, parameters: Mapping[str, Any], place: str) -> HealthCheck:
        given = {key: value for key, value in parameters.items() if key.startswith("health-check-")}
        known = {key: value for key, value in given.items() if key != "health-check-invocation-timeout"}
        document, wrong = check(HealthParameters, known, self.file, f"{place}/parameters")
        self.mistakes += wrong
        if document is None:
            return HealthCheck()
        kind = "process" if parameters.get("no-route") is True else document.health_check_type
        return HealthCheck(kind, document.health_check_http_endpoint, document.health_check_timeout)

    def _instances(self) -> Iterator[ServiceInstance]:
        for index, resource in enumerate(self.document.resources):
            place = f"/resources/{index}"
            if not resource.active:
                continue
            own = self.provided[resource.name][1]
            scope = self._scope(resource.requires, own.parameters, place)
            try:
                parameters = resolve(resource.parameters, scope)
            except Unresolved as error:
                self.mistakes.append(Mistake(self.file, f"{place}/parameters", str(error), error.suggestion))
                continue
            instance, wrong = read_instance(resource, parameters, self.folder, self.file, place)
            self.mistakes += wrong
            if instance:
                yield instance


def _entries(requires: list[RequiresDocument], place: str) -> Iterator[tuple[str, RequiresDocument]]:
    for index, entry in enumerate(requires):
        yield f"{place}/requires/{index}", entry


def _names_used_twice(document: MtaDocument, file: str) -> Iterator[Mistake]:
    seen: dict[str, str] = {}
    for place, name in _named(document):
        if name in seen:
            yield Mistake(file, f"{place}/name", f'the name "{name}" is taken by {seen[name]}', "choose another one")
        seen.setdefault(name, place)


def _named(document: MtaDocument) -> Iterator[tuple[str, str]]:
    for index, module in enumerate(document.modules):
        yield f"/modules/{index}", module.name
        for number, provided in enumerate(module.provides):
            # A module may provide under its own name.
            if provided.name != module.name:
                yield f"/modules/{index}/provides/{number}", provided.name
    for index, resource in enumerate(document.resources):
        yield f"/resources/{index}", resource.name
