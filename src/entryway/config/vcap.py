"""The object that `VCAP_SERVICES` holds: read into bindings, and written from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from entryway.config.json_text import NotJson, read_json
from entryway.config.mistakes import ConfigurationMistakes, Mistake

Model = TypeVar("Model", bound=BaseModel)

# How applications find a service among those that are bound: by these tags, word for word.
SERVICE_TAGS: Mapping[str, tuple[str, ...]] = {
    "xsuaa": ("xsuaa",),
    "destination": ("destination", "conn", "connsvc"),
    "connectivity": ("connectivity", "conn", "connsvc"),
    "identity": ("identity",),
}


@dataclass(frozen=True, slots=True)
class Binding:
    """One service that is bound to the application; `file` and `path` say where its credentials were read."""

    name: str
    label: str
    plan: str | None
    tags: tuple[str, ...]
    credentials: Mapping[str, Any] = field(repr=False)
    instance_name: str | None = None
    instance_guid: str | None = None
    binding_guid: str | None = None
    file: str = "VCAP_SERVICES"
    path: str = ""

    def parse(self, model: type[Model]) -> Model:
        """Return the credentials as `model`, or raise with every mistake in them."""
        try:
            return model.model_validate(dict(self.credentials))
        except ValidationError as error:
            # The values may be secrets: only where and why may be told.
            mistakes = [
                Mistake(
                    self.file,
                    self.path + "".join(f"/{pointer(part)}" for part in found["loc"]),
                    f'binding "{self.name}": {found["msg"].removeprefix("Value error, ")}',
                )
                for found in error.errors(include_input=False, include_url=False)
            ]
        raise ConfigurationMistakes(mistakes)


def vcap_services(bindings: Iterable[Binding]) -> dict[str, list[dict[str, Any]]]:
    """Return the bindings as the object that `VCAP_SERVICES` holds, envelope and all."""
    services: dict[str, list[dict[str, Any]]] = {}
    for binding in bindings:
        services.setdefault(binding.label, []).append(
            {
                "label": binding.label,
                "provider": None,
                "plan": binding.plan,
                "name": binding.name,
                "tags": list(binding.tags),
                "instance_guid": binding.instance_guid,
                "instance_name": binding.instance_name or binding.name,
                "binding_guid": binding.binding_guid,
                "binding_name": None,
                "credentials": dict(binding.credentials),
                "syslog_drain_url": None,
                "volume_mounts": [],
            }
        )
    return services


def pointer(part: object) -> str:
    """Return one step of a JSON pointer (RFC 6901)."""
    return str(part).replace("~", "~0").replace("/", "~1")


def parse_services(text: str, file: str) -> list[Binding]:
    """Return the bindings in the text of `VCAP_SERVICES`."""
    mistakes: list[Mistake] = []
    bindings: list[Binding] = []
    services = json_object(text, file)
    for label, entries in services.items():
        at = f"/{pointer(label)}"
        if not isinstance(entries, list):
            mistakes.append(Mistake(file, at, "must be an array of bindings"))
            continue
        for index, entry in enumerate(entries):
            found = _binding(label, entry, file, f"{at}/{index}")
            if isinstance(found, Binding):
                bindings.append(found)
            else:
                mistakes.append(found)
    if mistakes:
        raise ConfigurationMistakes(mistakes)
    return bindings


def _binding(label: str, entry: object, file: str, path: str) -> Binding | Mistake:
    if not isinstance(entry, dict):
        return Mistake(file, path, "must be an object")
    name = entry.get("name") or entry.get("binding_name") or entry.get("instance_name")
    if not isinstance(name, str) or not name:
        return Mistake(file, f"{path}/name", "must be a text that is not empty")
    tags = entry.get("tags") or []
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        return Mistake(file, f"{path}/tags", "must be an array of texts")
    credentials = entry.get("credentials", {})
    if not isinstance(credentials, dict):
        return Mistake(file, f"{path}/credentials", "must be an object")
    for key in ("label", "plan", "instance_name", "instance_guid", "binding_guid"):
        if not isinstance(entry.get(key), str | None):
            return Mistake(file, f"{path}/{key}", "must be a text")
    return Binding(
        name,
        entry.get("label") or label,
        entry.get("plan"),
        tuple(tags),
        credentials,
        instance_name=entry.get("instance_name"),
        instance_guid=entry.get("instance_guid"),
        binding_guid=entry.get("binding_guid"),
        file=file,
        path=f"{path}/credentials",
    )


def json_object(text: bytes | str, file: str) -> dict[str, Any]:
    """Return the JSON object in `text`, or raise with the mistake."""
    try:
        value = read_json(text).value
    except NotJson as error:
        raise ConfigurationMistakes([Mistake(file, "", error.reason, error.suggestion)]) from None
    if not isinstance(value, dict):
        raise ConfigurationMistakes([Mistake(file, "", "must be an object")])
    return value


def service_binding(
    service: str,
    plan: str,
    instance_name: str,
    credentials: Mapping[str, Any],
    *,
    instance_guid: str | None = None,
    binding_guid: str | None = None,
) -> Binding:
    """Return the binding of one of our own services, with the tags that applications look for."""
    return Binding(
        instance_name,
        service,
        plan,
        SERVICE_TAGS.get(service, ()),
        credentials,
        instance_name=instance_name,
        instance_guid=instance_guid,
        binding_guid=binding_guid,
    )
