"""How the connector's file is read and written."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from entryway.config.mistakes import ConfigurationMistakes, Mistake
from entryway.connector.configuration import ConnectorConfiguration

FILE_NAME = "connector.yaml"
SIZE_LIMIT = 4 * 1024 * 1024
OTHERS_MAY_READ = stat.S_IRWXG | stat.S_IRWXO


def file_of(config: Path) -> Path:
    """Return the file that `config` names: itself, or `connector.yaml` in it."""
    return config / FILE_NAME if config.is_dir() or config.suffix not in {".yaml", ".yml", ".json"} else config


def read_configuration(config: Path) -> ConnectorConfiguration:
    """Return the connector's configuration, or raise with every mistake in it."""
    path = file_of(config)
    return parse_configuration(read_document(path), path)


def parse_configuration(document: Mapping[str, Any], path: Path) -> ConnectorConfiguration:
    """Return what a document means; names of files in it are relative to its folder."""
    try:
        return ConnectorConfiguration.model_validate(_with_files(document, path))
    except ValidationError as error:
        raise ConfigurationMistakes(
            [
                Mistake(path.name, _pointer(one["loc"]), one["msg"].removeprefix("Value error, "))
                for one in error.errors()
            ]
        ) from error


def read_document(path: Path) -> dict[str, Any]:
    """Return the document in the file as it is; raise if it cannot be read or others could have."""
    try:
        mode = path.stat().st_mode
        if mode & OTHERS_MAY_READ:
            rule = f"is readable by others (mode {stat.S_IMODE(mode):04o}), and holds keys"
            raise ConfigurationMistakes([Mistake(str(path), "", rule, f"chmod 600 {path}")])
        if path.stat().st_size > SIZE_LIMIT:
            raise ConfigurationMistakes([Mistake(str(path), "", f"is larger than {SIZE_LIMIT} bytes")])
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        rule = "does not exist"
        raise ConfigurationMistakes([Mistake(str(path), "", rule, "pair the connector first")]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationMistakes([Mistake(str(path), "", f"cannot be read: {error}")]) from error
    except yaml.YAMLError as error:
        # The error quotes the line, which may hold a key; its place is enough.
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        raise ConfigurationMistakes([Mistake(str(path), "", f"is not valid YAML{where}")]) from None
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise ConfigurationMistakes([Mistake(str(path), "", "must be a mapping of sections")])
    return document


def write_document(path: Path, document: Mapping[str, Any]) -> None:
    """Write the file whole or not at all, readable by its owner alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(yaml.dump(dict(document), Dumper=_Dumper, sort_keys=False, allow_unicode=True))
    beside.replace(path)


class _Dumper(yaml.SafeDumper):
    """Writes certificates as blocks, the way people paste them."""


def _block(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _block)


def _pointer(location: tuple[int | str, ...]) -> str:
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in location)


def _with_files(document: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Replace the names of files with authorities by what is in them."""
    result = dict(document)
    if isinstance(anchors := result.get("backend_trust"), list):
        result["backend_trust"] = [_pem(entry, path, f"/backend_trust/{index}") for index, entry in enumerate(anchors)]
    propagation = result.get("principal_propagation")
    if isinstance(propagation, dict) and isinstance(issuers := propagation.get("trusted_issuers"), list):
        read = [
            {**issuer, "ca": _pem(issuer["ca"], path, f"/principal_propagation/trusted_issuers/{index}/ca")}
            if isinstance(issuer, dict) and "ca" in issuer
            else issuer
            for index, issuer in enumerate(issuers)
        ]
        result["principal_propagation"] = {**propagation, "trusted_issuers": read}
    return result


def _pem(value: object, path: Path, pointer: str) -> object:
    if not isinstance(value, str) or "-----BEGIN" in value:
        return value
    try:
        return (path.parent / value).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationMistakes([Mistake(path.name, pointer, f"{value} cannot be read: {error}")]) from error
