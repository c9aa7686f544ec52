"""Reads variables one by one, and collects what is wrong with them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from entryway.config.js_regex import JsRegex, RegexRefused, compile_js
from entryway.config.mistakes import Mistake
from entryway.config.schema import Document, check, wrong_type

SETTINGS = "environment-settings"


class Reader:
    """Reads variables one by one and collects what is wrong with them."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.mistakes: list[Mistake] = []

    def unreadable(self, name: str, reason: str) -> None:
        self.mistakes.append(Mistake(f"Invalid value for environment variable {name}", "", reason))

    def wrong(self, setting: str, rule: str) -> None:
        self.mistakes.append(Mistake(SETTINGS, f"/{setting}", rule))

    def json(self, name: str) -> Any:
        """Return the parsed value, or None if the variable is not set or not JSON."""
        text = self.environ.get(name)
        if not text:
            return None
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as error:
            self.unreadable(name, f"{error}")
            return None

    def boolean(self, name: str, *, default: bool) -> bool:
        text = self.environ.get(name, "").strip()
        if text.lower() in ("true", "false"):
            return text.lower() == "true"
        if text:
            self.unreadable(name, f'"{text}" is neither true nor false')
        return default

    def lenient_boolean(self, name: str) -> bool:
        """Return True for `true`; any other text counts as False, as applications are used to, and is named."""
        text = self.environ.get(name, "").strip().lower()
        if text not in ("", "true", "false"):
            rule = f'"{text[:100]}" is neither true nor false'
            self.mistakes.append(Mistake(name, "", rule, "it counts as false", "warning"))
        return text == "true"

    def integer(self, name: str, setting: str, default: int, *, least: int) -> int:
        text = self.environ.get(name, "").strip()
        if not text:
            return default
        if not re.fullmatch(r"-?[0-9]{1,15}(\.[0-9]+)?", text):
            self.unreadable(name, f'"{text}" is not a number')
            return default
        if "." in text:
            self.wrong(setting, wrong_type(float(text), "integer"))
            return default
        if int(text) < least:
            self.wrong(setting, f"Value {text} is less than minimum {least}")
            return default
        return int(text)

    def regex(self, name: str, setting: str) -> JsRegex | None:
        text = self.environ.get(name)
        if not text:
            return None
        try:
            return compile_js(text)
        except RegexRefused as error:
            self.wrong(setting, f"Format validation failed (Invalid regular expression: /{text}/: {error})")
            return None

    def host_pattern(self, name: str, setting: str) -> JsRegex | None:
        """Return an expression whose first group is taken from hosts."""
        found = self.regex(name, setting)
        if found is not None and found.pattern.groups < 1:
            rule = "Format validation failed (regular expression must contain a capturing group)"
            self.mistakes.append(Mistake(SETTINGS, f"/{setting}", rule, "put the part of the host into parentheses"))
        return found

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of texts."""
        value = self.json(name)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self.unreadable(name, "it must be a list of texts")
            return ()
        return tuple(value)

    def document(self, name: str, document: str, kind: type[Document]) -> Any:
        """Return an object as a model."""
        value = self.json(name)
        if value is None:
            return None
        found, wrong = check(kind, value, document)
        self.mistakes += wrong
        return found

    def documents(self, name: str, document: str, kind: type[Document]) -> tuple[Any, ...] | None:
        """Return a list of objects as models."""
        value = self.json(name)
        if value is None:
            return None
        if not isinstance(value, list):
            self.mistakes.append(Mistake(document, "", wrong_type(value, "array")))
            return None
        results = [check(kind, item, document, f"/{index}") for index, item in enumerate(value)]
        self.mistakes += [mistake for _, wrong in results for mistake in wrong]
        return tuple(found for found, _ in results if found is not None)
