"""Mustache, as far as files with placeholders need it: variables, sections, comments and other delimiters.

What is no tag after its rules stays as it is written: files that have braces of their own are not broken by them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

_ESCAPES = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "'": "&#39;",
    "/": "&#x2F;",
    "`": "&#x60;",
    "=": "&#x3D;",
}
_ESCAPED = re.compile(r"""[&<>"'/`=]""")
_REST_OF_LINE = re.compile(r"[ \t]*(?:\r?\n|\Z)")
_MOST_LEVELS = 50


@dataclass(frozen=True, slots=True)
class Variable:
    """A name whose value stands in its place."""

    name: str
    escaped: bool


@dataclass(slots=True)
class Section:
    """What is there if a name has a value, or `inverted` if it has none; once for each item of a list."""

    name: str
    inverted: bool
    written: str
    parts: list[Part] = field(default_factory=list)


Part = str | Variable | Section


def render(template: str, values: Mapping[str, Any]) -> str:
    """Return the template with its tags filled in."""
    return "".join(_texts(parse(template), (values,)))


def parse(template: str) -> list[Part]:
    """Take a template apart."""
    sections = [Section("", inverted=False, written="")]
    tags, at, start = _tags("{{", "}}"), 0, 0
    while found := tags.search(template, at):
        at = found.end()
        kind, name = found["kind"], found["name"] or found["raw"]
        if (kind == "/" and name != sections[-1].name) or (kind in {"#", "^"} and len(sections) > _MOST_LEVELS):
            continue  # it closes nothing, or opens too much: it is text
        begin = found.start()
        is_variable = found["raw"] is not None or kind in {"", "&"}
        if not is_variable:
            begin, at = _whole_line(template, begin, at)
        sections[-1].parts.append(template[start:begin])
        start = at
        if is_variable:
            sections[-1].parts.append(Variable(name, kind == ""))
        elif kind == "/":
            closed = sections.pop()
            sections[-1].parts.append(closed)
        elif kind in {"#", "^"}:
            sections.append(Section(name, kind == "^", template[begin:at]))
        elif found["delimiters"]:
            tags = _tags(*found["delimiters"].split())
    sections[-1].parts.append(template[start:])
    while len(sections) > 1:  # never closed: its beginning is text
        unclosed = sections.pop()
        sections[-1].parts += [unclosed.written, *unclosed.parts]
    return sections[0].parts


@lru_cache(maxsize=32)
def _tags(begin: str, end: str) -> re.Pattern[str]:
    return re.compile(
        rf"{re.escape(begin)}(?:"
        r"!.*?"  # a comment
        r"|=\s*(?P<delimiters>[^\s=]{1,20}\s+[^\s=]{1,20})\s*="
        r"|(?P<kind>[#^/>&]?)[ \t]*(?P<name>[\w$.\-/]+)[ \t]*"
        r"|\{[ \t]*(?P<raw>[\w$.\-/]+)[ \t]*\}"
        rf"){re.escape(end)}",
        re.DOTALL,
    )


def _whole_line(template: str, begin: int, end: int) -> tuple[int, int]:
    """Return the line that a tag stands on alone, which goes with it; else the tag."""
    line = template.rfind("\n", 0, begin) + 1
    rest = _REST_OF_LINE.match(template, end)
    if template[line:begin].strip(" \t") or rest is None:
        return begin, end
    return line, rest.end()


def _texts(parts: Sequence[Part], values: tuple[Any, ...]) -> Iterator[str]:
    for part in parts:
        if isinstance(part, str):
            yield part
            continue
        value = _lookup(part.name, values)
        if isinstance(part, Variable):
            text = _text(value)
            yield _ESCAPED.sub(lambda character: _ESCAPES[character[0]], text) if part.escaped else text
        elif part.inverted:
            if not value:
                yield from _texts(part.parts, values)
        elif isinstance(value, list):
            for item in value:
                yield from _texts(part.parts, (*values, item))
        elif value:
            yield from _texts(part.parts, (*values, value))


def _lookup(name: str, values: tuple[Any, ...]) -> Any:
    """Return the value of a name, from the innermost section that knows it; None if none does."""
    if name == ".":
        return values[-1]
    for known in reversed(values):
        value = known
        for key in name.split("."):
            if not isinstance(value, Mapping) or key not in value:
                break
            value = value[key]
        else:
            return value
    return None


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(_text(item) for item in value)
    return str(value) if isinstance(value, str | int | float) else ""
