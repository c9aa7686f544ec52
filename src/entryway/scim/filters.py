"""Filters (RFC 7644 §3.4.2.2), parsed into values: whatever reads them further never sees the text."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from entryway.scim.errors import InvalidFilter, InvalidPath

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST = 4000
DEEPEST = 20
MOST_TERMS = 100
OPERATORS = frozenset({"eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"})

Value: TypeAlias = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class AttributePath:
    """`schema` is a URN or empty; `part` is a sub-attribute or empty. Names are as they were written."""

    name: str
    part: str = ""
    schema: str = ""

    @property
    def key(self) -> str:
        """The path without its schema, in the form in which paths are compared."""
        return f"{self.name}.{self.part}".rstrip(".").lower()


@dataclass(frozen=True, slots=True)
class Comparison:
    path: AttributePath
    operator: str
    value: Value


@dataclass(frozen=True, slots=True)
class Present:
    path: AttributePath


@dataclass(frozen=True, slots=True)
class And:
    terms: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Or:
    terms: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Not:
    term: Filter


@dataclass(frozen=True, slots=True)
class ValueFilter:
    """`emails[type eq "work"]`: one value of several that fits as a whole."""

    path: AttributePath
    term: Filter


Filter: TypeAlias = Comparison | Present | And | Or | Not | ValueFilter


@dataclass(frozen=True, slots=True)
class PatchPath:
    """The path of a PATCH operation: an attribute, of several values those that fit, and a part of each."""

    attribute: AttributePath
    term: Filter | None = None
    part: str = ""


_TOKEN = re.compile(
    r"""\s*(?:
        (?P<mark>[()\[\]])
      | (?P<text>"(?:[^"\\\x00-\x1f]|\\.)*")
      | (?P<number>-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?![\w.:$-]))
      | (?P<name>(?:[uU][rR][nN]:[\w.:-]+:)?\$?[A-Za-z][\w$-]*(?:\.\$?[A-Za-z][\w$-]*)?)
      | (?P<after>\.\$?[A-Za-z][\w$-]*)
    )""",
    re.VERBOSE | re.ASCII,
)
_LITERALS: dict[str, Value] = {"true": True, "false": False, "null": None}


def parse(text: str) -> Filter:
    """Return a filter, or raise InvalidFilter."""
    reader = _Reader(text)
    found = reader.alternatives(0)
    reader.end()
    return found


def parse_path(text: str) -> PatchPath:
    """Return the path of a PATCH operation, or raise InvalidPath."""
    try:
        reader = _Reader(text)
        attribute = reader.path()
        term, part = None, ""
        if reader.take("mark", "["):
            term = reader.alternatives(0)
            reader.expect("]")
            part = reader.after()
        reader.end()
    except InvalidFilter as error:
        raise InvalidPath(error.detail) from error
    return PatchPath(attribute, term, part)


def paths_in(term: Filter) -> Iterator[AttributePath]:
    """Return every path that a filter names."""
    match term:
        case And(terms) | Or(terms):
            for each in terms:
                yield from paths_in(each)
        case Not(inner):
            yield from paths_in(inner)
        case Comparison() | Present() | ValueFilter():
            yield term.path


class _Reader:
    """Reads tokens from left to right; `or` binds least, then `and`, then `not`."""

    def __init__(self, text: str) -> None:
        if len(text) > LONGEST:
            raise InvalidFilter(f"the filter must not be longer than {LONGEST} characters")
        self._tokens = list(_tokens(text))
        self._next = 0
        self._terms = 0

    def alternatives(self, depth: int) -> Filter:
        terms = [self._all(depth)]
        while self._word("or"):
            terms.append(self._all(depth))
        return terms[0] if len(terms) == 1 else Or(tuple(terms))

    def _all(self, depth: int) -> Filter:
        terms = [self._term(depth)]
        while self._word("and"):
            terms.append(self._term(depth))
        return terms[0] if len(terms) == 1 else And(tuple(terms))

    def _term(self, depth: int) -> Filter:
        self._terms += 1
        if depth >= DEEPEST or self._terms > MOST_TERMS:
            raise InvalidFilter("the filter is nested too deeply, or has too many terms")
        if self.take("mark", "("):
            inner = self.alternatives(depth + 1)
            self.expect(")")
            return inner
        if self._word("not"):
            self.expect("(")
            inner = self.alternatives(depth + 1)
            self.expect(")")
            return Not(inner)
        path = self.path()
        if self.take("mark", "["):
            inner = self.alternatives(depth + 1)
            self.expect("]")
            return ValueFilter(path, inner)
        if self._word("pr"):
            return Present(path)
        return Comparison(path, self._operator(), self._value())

    def path(self) -> AttributePath:
        kind, text = self._take_any()
        if kind != "name":
            raise InvalidFilter("an attribute is expected")
        schema, _, rest = text.rpartition(":")
        name, _, part = rest.partition(".")
        return AttributePath(name, part, schema)

    def after(self) -> str:
        """Return the sub-attribute that follows a filter in brackets, or nothing."""
        if self._peek()[0] != "after":
            return ""
        return self._take_any()[1].removeprefix(".")

    def take(self, kind: str, text: str) -> bool:
        if self._peek() != (kind, text):
            return False
        self._next += 1
        return True

    def expect(self, mark: str) -> None:
        if not self.take("mark", mark):
            raise InvalidFilter(f"{mark} is expected")

    def end(self) -> None:
        if self._next != len(self._tokens):
            raise InvalidFilter("something follows the filter's end")

    def _operator(self) -> str:
        kind, text = self._take_any()
        if kind != "name" or text.lower() not in OPERATORS:
            raise InvalidFilter("an operator is expected: eq, ne, co, sw, ew, gt, ge, lt, le or pr")
        return text.lower()

    def _value(self) -> Value:
        kind, text = self._take_any()
        if kind == "name" and text.lower() in _LITERALS:
            return _LITERALS[text.lower()]
        if kind not in {"text", "number"}:
            raise InvalidFilter("a value is expected")
        try:
            value: Value = json.loads(text)
        except ValueError as error:
            raise InvalidFilter("the value is not JSON") from error
        if isinstance(value, str) and ("\x00" in value or any("\ud800" <= each <= "\udfff" for each in value)):
            raise InvalidFilter("the value has characters that no text has")
        return value

    def _word(self, word: str) -> bool:
        kind, text = self._peek()
        if kind != "name" or text.lower() != word:
            return False
        self._next += 1
        return True

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._next] if self._next < len(self._tokens) else ("", "")

    def _take_any(self) -> tuple[str, str]:
        token = self._peek()
        if not token[0]:
            raise InvalidFilter("the filter ends too soon")
        self._next += 1
        return token


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    position, text = 0, text.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise InvalidFilter(f"the filter cannot be understood at character {position + 1}")
        yield str(match.lastgroup), match[str(match.lastgroup)]
        position = match.end()
