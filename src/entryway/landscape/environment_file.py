"""The environment of a module as a file: kept while the landscape runs, and printed in the forms that others read."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from entryway.landscape.files import write_private
from entryway.landscape.state import StateFolder, StateUnusable

SUFFIX = ".env.json"
# In a dotenv file these would end a quoted value, or be replaced in it.
_DOTENV_SPECIAL = re.compile(r'([\\"$`])')


def environment_path(state: StateFolder, module: str) -> Path:
    """Return where the environment of a module is kept."""
    return state.run / f"{module}{SUFFIX}"


def keep_environment(state: StateFolder, module: str, environment: Mapping[str, str]) -> None:
    """Keep what the landscape gives a module."""
    write_private(environment_path(state, module), json.dumps(dict(environment), indent=2).encode())


def load_environment(state: StateFolder, module: str) -> dict[str, str]:
    """Return what the landscape gives a module."""
    path = environment_path(state, module)
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise StateUnusable(f"{path} cannot be read: {error}") from error
    return {str(name): str(value) for name, value in content.items()}


def kept_modules(state: StateFolder) -> list[str]:
    """Return the modules whose environment is kept."""
    return sorted(path.name.removesuffix(SUFFIX) for path in state.run.glob(f"*{SUFFIX}"))


def forget_environments(state: StateFolder) -> None:
    """Remove what is kept: it holds secrets, and is worth nothing when the landscape has stopped."""
    for path in state.run.glob(f"*{SUFFIX}"):
        path.unlink(missing_ok=True)


def render(environment: Mapping[str, str], form: str) -> str:
    """Return the environment as `json`, `dotenv` or `shell` text."""
    if form == "json":
        # As in default-env.json: what is JSON inside a variable is written as such.
        return json.dumps({name: _opened(value) for name, value in environment.items()}, indent=2) + "\n"
    if form == "dotenv":
        return "".join(f"{name}={_dotenv(value)}\n" for name, value in environment.items())
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in environment.items())


def _opened(value: str) -> Any:
    if not value.startswith(("{", "[")):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _dotenv(value: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9_./:@,+\-]*", value):
        return value
    if "'" not in value and "\n" not in value:
        # Single quotes keep everything as it is, in every reader of such files.
        return f"'{value}'"
    escaped = _DOTENV_SPECIAL.sub(r"\\\1", value).replace("\n", "\\n")
    return f'"{escaped}"'
