"""JSON that people write: why it cannot be read, what to do about it, and keys that are written twice."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_COMMENT = re.compile(r"//|/\*|#")


@dataclass(frozen=True, slots=True)
class WrittenJson:
    """A value, and the names of keys of which one object has several: the last one counts."""

    value: Any
    twice: tuple[str, ...]


class NotJson(Exception):
    """The text is no JSON; the reason goes with the name of the file before it."""

    def __init__(self, reason: str, suggestion: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.suggestion = suggestion


def read_json(content: bytes | str) -> WrittenJson:
    """Return what the text holds (a byte order mark before it is none of it), or raise NotJson."""
    twice: dict[str, None] = {}

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            names = [name for name, _ in pairs]
            twice.update(dict.fromkeys(name for name in names if names.count(name) > 1))
        return found

    text = _text(content).removeprefix("\ufeff")
    try:
        return WrittenJson(json.loads(text, object_pairs_hook=once), tuple(twice))
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise NotJson(f"is not JSON: {error.msg} at {place}", _advice(text, error.pos)) from None
    except ValueError:
        raise NotJson("holds a number that is too long", "") from None
    except RecursionError:
        raise NotJson("is nested too deeply", "") from None


def _text(content: bytes | str) -> str:
    if isinstance(content, str):
        return content
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        found = "UTF-16" if content.startswith(_UTF_16) else "another encoding"
        line = content.count(b"\n", 0, error.start) + 1
        raise NotJson(f"is not UTF-8 text but {found} (line {line})", "save the file as UTF-8") from None


def _advice(text: str, place: int) -> str:
    """Say what people mean who write what JSON does not have."""
    before, behind = text[:place].rstrip(), text[place:].lstrip()
    if not text.strip():
        return "the file is empty: write at least {}"
    if behind[:1] in {"]", "}"} and before.endswith(","):
        return f"take out the comma before {behind[0]}"
    # Since Python 3.13 the place of such a comma is that of the comma itself.
    if behind.startswith(",") and behind[1:].lstrip()[:1] in {"]", "}"}:
        return f"take out the comma before {behind[1:].lstrip()[0]}"
    if _COMMENT.match(behind):
        return "JSON has no comments: take it out"
    if behind.startswith("'"):
        return 'texts and keys stand in double quotes: "…"'
    return ""
