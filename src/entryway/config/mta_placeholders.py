"""Placeholders of `mta.yaml`: `${parameter}` and `~{provided/property}`, with what they stand for.

A text that is one placeholder becomes the value itself, of whatever type; elsewhere the value is written into the text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from entryway.config.mistakes import Mistake
from entryway.config.schema import did_you_mean, pointer

DEEPEST = 10
# A backslash before it keeps a placeholder as it stands.
_PLACEHOLDER = re.compile(r"(?P<kept>\\)?(?P<kind>[$~])\{(?P<name>[^{}]*)\}")
_SHELL_NAME = re.compile(r"[A-Z_][A-Z0-9_]*")


@dataclass(frozen=True, slots=True)
class Scope:
    """What placeholders at one place may name: parameters, and what is required with its properties."""

    parameters: Mapping[str, Any]
    required: Mapping[str, tuple[Mapping[str, Any], Scope]] = field(default_factory=dict)
    entry: str | None = None
    """The entry of `requires` that `~{property}` without a name means."""


class Unresolved(Exception):
    """A placeholder has no value; the text is the rule, `suggestion` what would be right."""

    def __init__(self, rule: str, suggestion: str = "") -> None:
        super().__init__(rule)
        self.suggestion = suggestion


@dataclass(frozen=True, slots=True)
class Resolver:
    """Replaces placeholders and collects those that have no value."""

    file: str
    mistakes: list[Mistake]

    def values(self, values: Mapping[str, Any], scope: Scope, path: str) -> dict[str, Any]:
        """Return the values without placeholders; one with a mistake is left out."""
        resolved = {}
        for key, value in values.items():
            try:
                resolved[str(key)] = resolve(value, scope)
            except Unresolved as error:
                self.mistakes.append(Mistake(self.file, path + pointer([str(key)]), str(error), error.suggestion))
        return resolved


def resolve(value: Any, scope: Scope, depth: int = 0) -> Any:
    """Return a value with every placeholder in it replaced, or raise Unresolved."""
    if depth > DEEPEST:
        raise Unresolved("placeholders refer to one another without end")
    if isinstance(value, Mapping):
        return {key: resolve(member, scope, depth) for key, member in value.items()}
    if isinstance(value, list):
        return [resolve(member, scope, depth) for member in value]
    if not isinstance(value, str):
        return value
    whole = _PLACEHOLDER.fullmatch(value)
    if whole and not whole["kept"]:
        return _lookup(whole, scope, depth)
    return _PLACEHOLDER.sub(_written_in(scope, depth), value)


def _written_in(scope: Scope, depth: int) -> Callable[[re.Match[str]], str]:
    def text(found: re.Match[str]) -> str:
        return found[0][1:] if found["kept"] else text_of(_lookup(found, scope, depth))

    return text


def text_of(value: Any) -> str:
    """Return a value as an environment variable holds it."""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def _lookup(found: re.Match[str], scope: Scope, depth: int) -> Any:
    if found["kind"] == "$":
        return _parameter(found["name"], scope, depth)
    return _property(found["name"], scope, depth)


def _parameter(name: str, scope: Scope, depth: int) -> Any:
    if name in scope.parameters:
        return resolve(scope.parameters[name], scope, depth + 1)
    if _SHELL_NAME.fullmatch(name):
        raise Unresolved(f"${{{name}}} is no parameter of this module", f"for a shell's variable write ${name}")
    near = did_you_mean(name, sorted(scope.parameters))
    raise Unresolved(f"${{{name}}} is no parameter known here", near or f"known: {', '.join(sorted(scope.parameters))}")


def _property(reference: str, scope: Scope, depth: int) -> Any:
    name, slash, key = reference.partition("/")
    if not slash:
        if scope.entry is None:
            raise Unresolved(f"~{{{reference}}} does not say of what", f"write ~{{provider/{reference}}}")
        name, key = scope.entry, reference
    if name not in scope.required:
        raise Unresolved(
            f'~{{{reference}}} names "{name}", which is not required here',
            did_you_mean(name, sorted(scope.required)) or f"add {name} to requires",
        )
    properties, origin = scope.required[name]
    if key not in properties:
        known = ", ".join(sorted(properties)) or "none"
        raise Unresolved(
            f'"{name}" provides no property "{key}"', did_you_mean(key, sorted(properties)) or f"it provides: {known}"
        )
    return resolve(properties[key], origin, depth + 1)
