"""What is bound to the application, in whichever way its platform says so.

`VCAP_SERVICES`, or the file that `VCAP_SERVICES_FILE_PATH` names; else the folders below `SERVICE_BINDING_ROOT`
(Kubernetes, Cloud Foundry); else `default-env.json` beside the application, as on a developer's machine.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from entryway.security.errors import BindingMissing

ROOT = "SERVICE_BINDING_ROOT"
DEFAULT_ROOT = "/etc/secrets/sapbtp"
METADATA = ".metadata"
DEFAULT_ENV = "default-env.json"
FILE_LIMIT = 1_000_000
# Files of a mounted binding that say what it is; some platforms write dashes, some underscores.
ABOUT = frozenset(
    {"binding-guid", "binding-name", "instance-guid", "instance-name", "name", "label", "tags", "plan", "type"}
    | {"provider", "syslog-drain-url", "volume-mounts"}
)


@dataclass(frozen=True, slots=True)
class Binding:
    """One bound service."""

    names: frozenset[str]
    label: str
    plan: str | None
    tags: tuple[str, ...]
    credentials: Mapping[str, Any] = field(repr=False)


def read_bindings(environ: Mapping[str, str] | None = None, workdir: Path | None = None) -> list[Binding]:
    """Return what is bound; raise BindingMissing for what cannot be read."""
    environ = os.environ if environ is None else environ
    if text := environ.get("VCAP_SERVICES"):
        return _from_services(_json(text, "VCAP_SERVICES"), "VCAP_SERVICES")
    if path := environ.get("VCAP_SERVICES_FILE_PATH"):
        return _from_services(_json(_read(Path(path)), path), path)
    if mounted := _mounted(environ.get(ROOT)):
        return mounted
    services = default_env(workdir).get("VCAP_SERVICES") or {}
    return _from_services(_json(services, DEFAULT_ENV) if isinstance(services, str) else services, DEFAULT_ENV)


def default_env(workdir: Path | None = None) -> dict[str, Any]:
    """Return what `default-env.json` holds; nothing if there is none."""
    path = (workdir or Path.cwd()) / DEFAULT_ENV
    if not path.is_file():
        return {}
    content = _json(_read(path), DEFAULT_ENV)
    if not isinstance(content, dict):
        raise BindingMissing(f"{DEFAULT_ENV} is not a JSON object")
    return content


def _from_services(services: Any, place: str) -> list[Binding]:
    if not isinstance(services, dict):
        raise BindingMissing(f"{place} is not a JSON object")
    entries = [(label, entry) for label, bound in services.items() if isinstance(bound, list) for entry in bound]
    return [
        Binding(
            frozenset(name for key in ("name", "instance_name", "binding_name") if (name := _text(entry, key))),
            _text(entry, "label") or label,
            _text(entry, "plan") or None,
            tuple(tag for tag in entry.get("tags") or () if isinstance(tag, str)),
            entry["credentials"],
        )
        for label, entry in entries
        if isinstance(entry, dict) and isinstance(entry.get("credentials"), dict)
    ]


def _mounted(named: str | None) -> list[Binding]:
    root = Path(named or DEFAULT_ROOT)
    if not root.is_dir():
        if named:
            raise BindingMissing(f"{ROOT}: {named} is not a directory")
        return []
    folders = list(_folders(root))
    described = [folder for folder in folders if (folder / METADATA).is_file()]
    if described:
        return [_described(folder) for folder in described]
    flat = [folder for folder in folders if (folder / "type").is_file() or (folder / "label").is_file()]
    # Otherwise `<root>/<service>/<instance>/`, where nothing but the folders' names say what it is.
    nested = [(folder, instance) for folder in folders if folder not in flat for instance in _folders(folder)]
    return [_flat(folder) for folder in flat] + [
        Binding(frozenset({instance.name}), service.name, None, (service.name,), _properties(instance))
        for service, instance in nested
    ]


def _described(folder: Path) -> Binding:
    """Return the binding of a folder whose `.metadata` names each property and its format."""
    place = f"{folder.name}/{METADATA}"
    metadata = _json(_read(folder / METADATA), place)
    if not isinstance(metadata, dict):
        raise BindingMissing(f"{place} is not a JSON object")
    about = _listed(folder, metadata.get("metaDataProperties"), place)
    return _binding(folder, about, _listed(folder, metadata.get("credentialProperties"), place))


def _listed(folder: Path, properties: Any, place: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for entry in properties if isinstance(properties, list) else ():
        name = entry.get("name") if isinstance(entry, dict) else None
        if not isinstance(name, str) or not name or name in {".", ".."} or "/" in name or "\0" in name:
            raise BindingMissing(f"{place} names something that is no file beside it")
        if not (folder / name).is_file():
            continue
        text = _read(folder / name)
        value = _json(text, f"{folder.name}/{name}") if entry.get("format") == "json" else text
        # `container`: the one file holds all credentials.
        found.update(value if entry.get("container") is True and isinstance(value, dict) else {name: value})
    return found


def _flat(folder: Path) -> Binding:
    every = _properties(folder)
    about = {key.replace("-", "_"): value for key, value in every.items() if key.replace("_", "-") in ABOUT}
    return _binding(folder, about, {key: value for key, value in every.items() if key.replace("_", "-") not in ABOUT})


def _binding(folder: Path, about: Mapping[str, Any], credentials: Mapping[str, Any]) -> Binding:
    tags = about.get("tags")
    label = _text(about, "label") or _text(about, "type") or folder.name
    return Binding(
        frozenset({folder.name, _text(about, "instance_name"), _text(about, "name")} - {""}),
        label,
        _text(about, "plan") or None,
        tuple(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else (label,),
        credentials,
    )


def _properties(folder: Path) -> dict[str, Any]:
    # Kubernetes keeps the files' versions in hidden directories.
    return {
        path.name: _parsed(_read(path))
        for path in sorted(folder.iterdir())
        if path.is_file() and not path.name.startswith(".")
    }


def _parsed(text: str) -> Any:
    if not text.lstrip().startswith(("{", "[")):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _folders(root: Path) -> Iterator[Path]:
    return (path for path in sorted(root.iterdir()) if path.is_dir() and not path.name.startswith("."))


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > FILE_LIMIT:
            raise BindingMissing(f"{path} is larger than 1 MB")
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise BindingMissing(f"{path} cannot be read") from error


def _json(text: str, place: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        # The text holds secrets, which the original error would show.
        raise BindingMissing(f"{place} is not JSON") from None


def _text(about: Mapping[str, Any], key: str) -> str:
    value = about.get(key)
    return value.strip() if isinstance(value, str) else ""
