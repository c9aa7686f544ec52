"""What a configured header may be: nothing that could begin another line, or that a client could not read."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
FORBIDDEN_HEADERS = frozenset({"set-cookie", "cookie"})


def header_rule(name: str, value: str) -> str | None:
    """Return why a configured response header cannot be sent, or None."""
    if name.lower() in FORBIDDEN_HEADERS:
        return 'Headers "set-cookie" and "cookie" are not allowed'
    if not HEADER_NAME.fullmatch(name):
        return f'"{name}" is not a name of a header'
    if not is_header_value(value):
        return f'the value of "{name}" has characters that a header cannot hold'
    return None


def is_header_value(value: str) -> bool:
    """Tell whether a text can be a header's value."""
    return value.isprintable() and max(value, default="") <= "\xff"


def _name(text: str) -> str:
    if not HEADER_NAME.fullmatch(text):
        raise ValueError(f'"{text}" is not a name of a header')
    return text


def _value(text: str) -> str:
    if not is_header_value(text):
        raise ValueError("it has characters that a header cannot hold")
    return text


HeaderName = Annotated[str, AfterValidator(_name)]
HeaderValue = Annotated[str, AfterValidator(_value)]
