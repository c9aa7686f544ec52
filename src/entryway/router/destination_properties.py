"""What the properties of a destination say to routers; every value is text, and names have two spellings."""

from __future__ import annotations

from collections.abc import Mapping

PREFIX = "HTML5."
DEFAULT_TIMEOUT = 30_000


def value_of(properties: Mapping[str, str], name: str) -> str:
    """Return the value of a property for routers: `HTML5.Timeout`, or `timeout` as older tools write it."""
    return properties.get(PREFIX + name) or properties.get(name[0].lower() + name[1:]) or ""


def is_true(properties: Mapping[str, str], name: str) -> bool:
    """Tell whether the property is switched on."""
    return value_of(properties, name).lower() == "true"


def is_false(properties: Mapping[str, str], name: str) -> bool:
    """Tell whether the property is switched off."""
    return value_of(properties, name).lower() == "false"


def timeout_of(properties: Mapping[str, str]) -> int:
    """Return the time-out in milliseconds."""
    text = value_of(properties, "Timeout")
    return int(text) if text.isascii() and text.isdigit() and int(text) > 0 else DEFAULT_TIMEOUT
