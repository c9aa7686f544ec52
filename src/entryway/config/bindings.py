"""Which services are bound to an application, read from where its platform says so.

The order is the one that applications rely on: `VCAP_SERVICES`, or the file that `VCAP_SERVICES_FILE_PATH` names; else
directories that Kubernetes mounts; and on a developer's machine `default-services.json` for what is still missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from entryway.config.credentials import (
    ConnectivityCredentials,
    DestinationCredentials,
    OAuthCredentials,
    UaaCredentials,
)
from entryway.config.default_env import read_default_env
from entryway.config.mistakes import ConfigurationMistakes, Mistake
from entryway.config.mounts import read_mounts
from entryway.config.vcap import Binding, json_object, parse_services, pointer, service_binding, vcap_services

__all__ = [
    "Binding",
    "ConnectivityCredentials",
    "DestinationCredentials",
    "OAuthCredentials",
    "UaaCredentials",
    "find_binding",
    "find_service",
    "find_uaa",
    "read_bindings",
    "read_default_env",
    "service_binding",
    "vcap_services",
]

FILE_LIMIT = 1_000_000
DEFAULT_SERVICES = "default-services.json"
UAA_KEY = "uaa"


def read_bindings(environ: Mapping[str, str], workdir: Path) -> list[Binding]:
    """Return every bound service, or raise with every mistake in the place they are read from."""
    bindings = _platform_bindings(environ)
    if bindings is None:
        bindings = read_mounts(environ)
    # What a platform binds is complete there; the file is for a developer's machine.
    if "VCAP_APPLICATION" in environ:
        return bindings
    return _with_defaults(bindings, workdir / DEFAULT_SERVICES)


def find_binding(bindings: Iterable[Binding], name: str) -> Binding | None:
    """Return the binding of this name."""
    return next((binding for binding in bindings if binding.name == name), None)


def find_service(bindings: Iterable[Binding], service: str) -> Binding | None:
    """Return the first binding whose label or one of whose tags is `service`; a label counts more."""
    found = list(bindings)
    by_label = next((binding for binding in found if binding.label == service), None)
    return by_label or next((binding for binding in found if service in binding.tags), None)


def find_uaa(bindings: Sequence[Binding], environ: Mapping[str, str]) -> Binding | None:
    """Return the authorization server's binding: the one `UAA_SERVICE_NAME` names, else the one tagged `xsuaa`."""
    if wanted := environ.get("UAA_SERVICE_NAME"):
        named = find_binding(bindings, wanted)
        if named is None:
            bound = ", ".join(sorted(binding.name for binding in bindings)) or "none"
            raise ConfigurationMistakes(
                [Mistake("UAA_SERVICE_NAME", "", f'no service named "{wanted}" is bound', f"bound are: {bound}")]
            )
        return named
    tagged = [binding for binding in bindings if "xsuaa" in binding.tags]
    # A clone of a master service may carry the tag as well; the plan `application` is the application's own.
    own = [binding for binding in tagged if binding.plan == "application"] or tagged
    if len(own) > 1:
        names = ", ".join(binding.name for binding in own)
        raise ConfigurationMistakes(
            [
                Mistake(
                    own[0].file,
                    "",
                    f"Found {len(own)} services matching tag xsuaa: {names}",
                    "say which one with UAA_SERVICE_NAME",
                )
            ]
        )
    return own[0] if own else None


def _platform_bindings(environ: Mapping[str, str]) -> list[Binding] | None:
    if text := environ.get("VCAP_SERVICES"):
        return parse_services(text, "VCAP_SERVICES")
    if not (path := environ.get("VCAP_SERVICES_FILE_PATH")):
        return None
    try:
        with Path(path).open("rb") as file:
            raw = file.read(FILE_LIMIT + 1)
        if len(raw) > FILE_LIMIT:
            raise ConfigurationMistakes([Mistake("VCAP_SERVICES_FILE_PATH", "", f"{path} is larger than 1 MB")])
        return parse_services(raw.decode(), path)
    except OSError as error:
        reason = f"{path} cannot be read: {error.strerror}"
        raise ConfigurationMistakes([Mistake("VCAP_SERVICES_FILE_PATH", "", reason)]) from error
    except UnicodeDecodeError as error:
        raise ConfigurationMistakes([Mistake(path, "", "is not UTF-8 text")]) from error
    except ValueError as error:
        raise ConfigurationMistakes([Mistake("VCAP_SERVICES_FILE_PATH", "", "is not the name of a file")]) from error


def _with_defaults(bindings: Sequence[Binding], file: Path) -> list[Binding]:
    found = list(bindings)
    for binding in _default_services(file):
        taken = any(
            other.name == binding.name or other.label == binding.label or binding.label in other.tags
            for other in bindings
        )
        if not taken:
            found.append(binding)
    return found


def _default_services(file: Path) -> list[Binding]:
    try:
        text = file.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ConfigurationMistakes([Mistake(file.name, "", f"cannot be read: {error.strerror}")]) from error
    services = json_object(text, file.name)
    wrong = [key for key, credentials in services.items() if not isinstance(credentials, dict)]
    if wrong:
        raise ConfigurationMistakes(
            [
                Mistake(file.name, f"/{pointer(key)}", "must be an object with the service's credentials")
                for key in wrong
            ]
        )
    return [_default_binding(key, credentials, file.name) for key, credentials in services.items()]


def _default_binding(key: str, credentials: Mapping[str, Any], file: str) -> Binding:
    label = "xsuaa" if key == UAA_KEY else key
    return Binding(key, label, None, (label,), credentials, file=file, path=f"/{pointer(key)}")
