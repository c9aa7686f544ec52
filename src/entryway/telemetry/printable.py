"""Text of strangers on a terminal: what would move its cursor, change its title or turn its lines around is shown."""

from __future__ import annotations

import io
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog


def printable(text: str) -> str:
    """Return the text with every character escaped that a terminal would not print."""
    return text if text.isprintable() else "".join(map(_shown, text))


def printable_record(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Return a record whose texts a terminal prints, each on one line; other values are shown by their `repr`."""
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = printable(value)
    return event


def plain_exception(out: TextIO, exc_info: Any) -> None:
    """Write a traceback without the local variables of its frames, which may hold secrets."""
    told = io.StringIO()
    structlog.dev.plain_traceback(told, exc_info)
    out.write("\n".join(map(printable, told.getvalue().split("\n"))))


def _shown(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
