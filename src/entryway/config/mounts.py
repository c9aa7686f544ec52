"""Bindings that Kubernetes mounts as directories of files.

Two layouts are in use: `<root>/<binding>/` with a file `.metadata` that names each property and its format, and
`<root>/<service>/<instance>/` without one. As soon as one directory has `.metadata`, only such directories count.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from entryway.config.mistakes import ConfigurationMistakes, Mistake
from entryway.config.vcap import Binding

ROOT_VARIABLE = "SERVICE_BINDING_ROOT"
DEFAULT_ROOT = Path("/etc/secrets/sapcp")
METADATA = ".metadata"
FILE_LIMIT = 1_000_000


def read_mounts(environ: Mapping[str, str]) -> list[Binding]:
    """Return the bindings under `SERVICE_BINDING_ROOT`, or an empty list where nothing is mounted."""
    named = environ.get(ROOT_VARIABLE)
    root = Path(named) if named else DEFAULT_ROOT
    if not os.path.isdir(root):  # noqa: PTH112 - a name that is too long is no directory, and no mistake of ours
        if named:
            raise ConfigurationMistakes([Mistake(ROOT_VARIABLE, "", f"{named} is not a directory")])
        return []
    flat = [folder for folder in _folders(root) if (folder / METADATA).is_file()]
    if flat:
        return [_flat(folder) for folder in flat]
    return [_nested(service.name, instance) for service in _folders(root) for instance in _folders(service)]


def _flat(folder: Path) -> Binding:
    file = folder / METADATA
    metadata = _json(_read(file), file)
    if not isinstance(metadata, dict):
        raise ConfigurationMistakes([Mistake(str(file), "", "must be an object")])
    about = _properties(folder, metadata, "metaDataProperties")
    tags = about.get("tags")
    return Binding(
        folder.name,
        str(about.get("label") or about.get("type") or folder.name),
        _text(about, "plan"),
        tuple(str(tag) for tag in tags) if isinstance(tags, list) else (),
        _properties(folder, metadata, "credentialProperties"),
        instance_name=_text(about, "instance_name"),
        instance_guid=_text(about, "instance_guid"),
        file=str(folder),
    )


def _text(about: Mapping[str, Any], key: str) -> str | None:
    return str(about[key]) if key in about else None


def _properties(folder: Path, metadata: Mapping[str, Any], section: str) -> dict[str, Any]:
    properties = metadata.get(section, [])
    file = folder / METADATA
    if not isinstance(properties, list):
        raise ConfigurationMistakes([Mistake(str(file), f"/{section}", "must be an array")])
    found: dict[str, Any] = {}
    for index, entry in enumerate(properties):
        name = entry.get("name") if isinstance(entry, dict) else None
        if not isinstance(name, str) or "/" in name or "\0" in name or name in {"", ".", ".."}:
            rule = "must name a file in this directory"
            raise ConfigurationMistakes([Mistake(str(file), f"/{section}/{index}/name", rule)])
        path = folder / name
        if not path.is_file():
            continue
        value = _json(_read(path), path) if entry.get("format") == "json" else _read(path)
        # `container`: the one file holds all credentials.
        if entry.get("container") is True and isinstance(value, dict):
            found.update(value)
        else:
            found[name] = value
    return found


def _nested(service: str, folder: Path) -> Binding:
    credentials: dict[str, Any] = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue  # Kubernetes keeps the files' versions in hidden directories
        if path.is_file():
            credentials[path.name] = _object_or_text(_read(path))
    return Binding(folder.name, service, None, (service,), credentials, instance_name=folder.name, file=str(folder))


def _object_or_text(text: str) -> Any:
    if not text.startswith("{"):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _folders(root: Path) -> list[Path]:
    return sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > FILE_LIMIT:
            raise ConfigurationMistakes([Mistake(str(path), "", "is larger than 1 MB")])
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationMistakes([Mistake(str(path), "", f"cannot be read: {error}")]) from error


def _json(text: str, path: Path) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise ConfigurationMistakes([Mistake(str(path), "", "is not JSON")]) from None
