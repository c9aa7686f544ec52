"""`xs-security.json`: what an application asks of the authorization server.

`parse` gives a descriptor or its mistakes at once; `check` gives the mistakes and warnings alone.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from entryway.config.json_text import NotJson, read_json
from entryway.config.mistakes import ConfigurationMistakes, Mistake
from entryway.config.xs_security_references import resolve
from entryway.config.xs_security_rules import Rules
from entryway.config.xs_security_wire import XSAPPNAME_RULE, XsSecurityWire

__all__ = ["FILE", "XsSecurity", "check", "parse", "resolve"]

FILE = "xs-security.json"
LARGEST = 1024 * 1024
DEEPEST = 20
MOST_TOLD = 100

_RULES = {
    "missing": "is required",
    "string_type": "must be a string",
    "int_type": "must be a whole number",
    "bool_type": "must be true or false",
    "tuple_type": "must be a list",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "string_too_long": "must have at most {max_length} characters",
    "string_too_short": "must not be empty",
    "too_long": "must have at most {max_length} entries, not {actual_length}",
    "too_short": "must have at least {min_length} entries",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be one of {expected}",
    "string_pattern_mismatch": "may only hold characters that match {pattern}",
}


@dataclass(frozen=True, slots=True)
class XsSecurity:
    """A descriptor without mistakes, and what was ignored in it."""

    content: XsSecurityWire
    warnings: tuple[Mistake, ...] = ()


def parse(source: bytes | str | Mapping[str, Any], file: str = FILE) -> XsSecurity:
    """Return the descriptor, or raise ConfigurationMistakes with its mistakes, as many as anybody reads."""
    content, mistakes = _examine(source, file)
    errors = [mistake for mistake in mistakes if mistake.severity == "error"]
    if errors or content is None:
        more = [Mistake(file, "", f"and {len(errors) - MOST_TOLD} mistakes more")] if len(errors) > MOST_TOLD else []
        raise ConfigurationMistakes(errors[:MOST_TOLD] + more)
    return XsSecurity(content, tuple(mistakes))


def check(source: bytes | str | Mapping[str, Any], file: str = FILE) -> Sequence[Mistake]:
    """Return every mistake and warning."""
    return _examine(source, file)[1]


def _examine(source: bytes | str | Mapping[str, Any], file: str) -> tuple[XsSecurityWire | None, list[Mistake]]:
    mistakes: list[Mistake] = []
    document = _tidy(source if isinstance(source, Mapping) else _load(source, file, mistakes), file, mistakes)
    if not isinstance(document, dict):
        return None, mistakes or [Mistake(file, "", "must be a JSON object")]
    content = None
    try:
        content = XsSecurityWire.model_validate_json(json.dumps(document))
    except ValidationError as error:
        mistakes += [_mistake(file, dict(found)) for found in error.errors(include_url=False)]
    mistakes += Rules(file).check(document)
    return content, sorted(mistakes, key=lambda mistake: mistake.severity)


def _load(source: bytes | str, file: str, mistakes: list[Mistake]) -> Any:
    if len(source) > LARGEST:
        mistakes.append(Mistake(file, "", f"is larger than {LARGEST} bytes"))
        return None
    try:
        written = read_json(source)
    except NotJson as error:
        mistakes.append(Mistake(file, "", error.reason, error.suggestion))
        return None
    mistakes += [
        Mistake(file, "", f"the key {name!r} is written twice in one object", "keep one of them")
        for name in sorted(written.twice)
    ]
    return written.value


def _tidy(value: Any, file: str, mistakes: list[Mistake], path: str = "") -> Any:
    """Return the document with the blanks around its keys taken off: published samples have them."""
    if path.count("/") > DEEPEST:
        mistakes.append(Mistake(file, "", f"is nested deeper than {DEEPEST} levels"))
        return None
    if isinstance(value, Mapping):
        return _tidy_object(value, file, mistakes, path)
    if isinstance(value, list | tuple):
        return [_tidy(member, file, mistakes, f"{path}/{number}") for number, member in enumerate(value)]
    if isinstance(value, str):
        if "\0" in value:
            mistakes.append(Mistake(file, path, "holds a NUL character, which no database takes"))
        return _writable(value)
    if isinstance(value, float) and not math.isfinite(value):
        mistakes.append(Mistake(file, path, "is not a number that JSON has"))
        return None
    return value


def _tidy_object(value: Mapping[Any, Any], file: str, mistakes: list[Mistake], path: str) -> dict[str, Any]:
    tidy: dict[str, Any] = {}
    for written, member in value.items():
        key = _writable(str(written).strip())
        place = f"{path}/{_escaped(key)}"
        if key in tidy:
            mistakes.append(Mistake(file, place, f"the key {key!r} is written twice in one object", "keep one of them"))
        tidy[key] = _tidy(member, file, mistakes, place)
    return tidy


def _writable(text: str) -> str:
    # A lone surrogate cannot be written to any file or database.
    return text.encode(errors="replace").decode()


def _escaped(part: object) -> str:
    return str(part).replace("~", "~0").replace("/", "~1")


def _mistake(file: str, error: Mapping[str, Any]) -> Mistake:
    pointer = "".join(f"/{_escaped(part)}" for part in error["loc"])
    context = {key: str(value) for key, value in error.get("ctx", {}).items()}
    rule = _RULES.get(error["type"])
    if pointer == "/xsappname" and error["type"] == "string_pattern_mismatch":
        rule = XSAPPNAME_RULE.replace("xsappname:", f'xsappname "{error["input"]}":')
        context = {}
    return Mistake(file, pointer, rule.format(**context) if rule and context else rule or str(error["msg"]))
