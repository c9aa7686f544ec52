"""`default-env.json`: variables for a developer's machine; the real environment wins."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from entryway.config.mistakes import ConfigurationMistakes, Mistake
from entryway.config.vcap import json_object

DEFAULT_ENV = "default-env.json"


def read_default_env(workdir: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """Return `environ` with what `default-env.json` in `workdir` adds; a missing file adds nothing."""
    try:
        text = (workdir / DEFAULT_ENV).read_bytes()
    except FileNotFoundError:
        return dict(environ)
    except OSError as error:
        raise ConfigurationMistakes([Mistake(DEFAULT_ENV, "", f"cannot be read: {error.strerror}")]) from error
    return parse_default_env(text) | dict(environ)


def parse_default_env(text: bytes | str) -> dict[str, str]:
    """Return the variables in the file's text; values that are no text become JSON text."""
    content = json_object(text, DEFAULT_ENV)
    try:
        return {name: _text(value) for name, value in content.items()}
    except RecursionError:
        raise ConfigurationMistakes([Mistake(DEFAULT_ENV, "", "is nested too deeply")]) from None


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
