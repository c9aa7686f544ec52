"""The language of $filter: text in, a test for rows out."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import TypeAlias

from products_onpremise.entities import Row, Value
from products_onpremise.errors import BadQuery

Operand: TypeAlias = "Callable[[Row], Value]"
Test: TypeAlias = "Callable[[Row], bool]"

DEEPEST = 40
LONGEST = 4_096

TOKEN = re.compile(
    r"""\s*(?:
      (?P<datetime>datetime'(?P<moment>[^']*)')
    | (?P<string>'(?:[^']|'')*')
    | (?P<number>-?\d+(?:\.\d+)?)(?P<suffix>[mMdDfFlL])?(?![A-Za-z0-9_])
    | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<mark>[(),])
    )""",
    re.VERBOSE,
)

COMPARISONS: Mapping[str, Callable[[Value, Value], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
}

TEXT_TESTS: Mapping[str, Callable[[str, str], bool]] = {
    "substringof": lambda wanted, text: wanted in text,
    "startswith": lambda text, start: text.startswith(start),
    "endswith": lambda text, end: text.endswith(end),
}

TEXT_FUNCTIONS: Mapping[str, Callable[[str], str]] = {"tolower": str.lower, "toupper": str.upper, "trim": str.strip}


@dataclass(frozen=True, slots=True)
class Token:
    kind: str
    text: str


def parse_filter(text: str, properties: frozenset[str]) -> Test:
    """Return the test that $filter describes, or raise BadQuery."""
    if len(text) > LONGEST:
        raise BadQuery("$filter is too long")
    parser = _Parser(_tokens(text), properties)
    test = parser.alternatives(depth=0)
    parser.expect_end()
    return test


def _tokens(text: str) -> list[Token]:
    tokens: list[Token] = []
    position = 0
    while text[position:].strip():
        found = TOKEN.match(text, position)
        if found is None:
            raise BadQuery(f"$filter cannot be understood at {text[position : position + 20]!r}")
        kind = next(name for name in ("datetime", "string", "number", "name", "mark") if found[name] is not None)
        tokens.append(Token(kind, found["moment"] if kind == "datetime" else found[kind]))
        position = found.end()
    return tokens


class _Parser:
    """Reads `or` over `and` over `not` over comparisons, as OData V2 ranks them."""

    def __init__(self, tokens: list[Token], properties: frozenset[str]) -> None:
        self._tokens = tokens
        self._properties = properties
        self._position = 0

    def alternatives(self, depth: int) -> Test:
        if depth > DEEPEST:
            raise BadQuery("$filter is nested too deeply")
        tests = [self._conditions(depth)]
        while self._accept("name", "or"):
            tests.append(self._conditions(depth))
        return tests[0] if len(tests) == 1 else lambda row: any(test(row) for test in tests)

    def expect_end(self) -> None:
        if self._position != len(self._tokens):
            raise BadQuery(f"$filter does not end at {self._tokens[self._position].text!r}")

    def _conditions(self, depth: int) -> Test:
        tests = [self._condition(depth)]
        while self._accept("name", "and"):
            tests.append(self._condition(depth))
        return tests[0] if len(tests) == 1 else lambda row: all(test(row) for test in tests)

    def _condition(self, depth: int) -> Test:
        if self._accept("name", "not"):
            if depth > DEEPEST:
                raise BadQuery("$filter is nested too deeply")
            negated = self._condition(depth + 1)
            return lambda row: not negated(row)
        if self._accept("mark", "("):
            inner = self.alternatives(depth + 1)
            self._expect("mark", ")")
            return inner
        return self._comparison(depth)

    def _comparison(self, depth: int) -> Test:
        test = self._text_test(depth)
        if test is not None:
            return self._truth(test)
        left = self._operand(depth)
        name = self._take("name").text
        if name not in COMPARISONS:
            raise BadQuery(f"$filter: {name!r} is not a comparison")
        return _compare(left, COMPARISONS[name], self._operand(depth))

    def _truth(self, test: Test) -> Test:
        """Read the `eq true` that some clients write after a test."""
        if self._accept("name", "eq"):
            wanted = self._take("name").text
            if wanted not in {"true", "false"}:
                raise BadQuery(f"$filter: a test is compared with {wanted!r}")
            return test if wanted == "true" else lambda row: not test(row)
        return test

    def _text_test(self, depth: int) -> Test | None:
        name = self._peek_call()
        if name is None or name not in TEXT_TESTS:
            return None
        self._position += 2
        first = self._operand(depth)
        self._expect("mark", ",")
        second = self._operand(depth)
        self._expect("mark", ")")
        decide = TEXT_TESTS[name]
        return lambda row: decide(_text(first(row)), _text(second(row)))

    def _operand(self, depth: int) -> Operand:
        if depth > DEEPEST:
            raise BadQuery("$filter is nested too deeply")
        function = self._peek_call()
        if function is not None:
            return self._function(function, depth)
        token = self._take()
        if token.kind == "name" and token.text not in {"true", "false"}:
            return self._property(token.text)
        constant = _constant(token)
        return lambda _: constant

    def _function(self, name: str, depth: int) -> Operand:
        if name not in TEXT_FUNCTIONS:
            raise BadQuery(f"$filter: there is no function {name!r}")
        self._position += 2
        inner = self._operand(depth + 1)
        self._expect("mark", ")")
        change = TEXT_FUNCTIONS[name]
        return lambda row: change(_text(inner(row)))

    def _property(self, name: str) -> Operand:
        if name not in self._properties:
            raise BadQuery(f"There is no property {name!r}")
        return lambda row: row[name]

    def _peek_call(self) -> str | None:
        here = self._tokens[self._position : self._position + 2]
        is_call = len(here) == 2 and here[0].kind == "name" and here[1] == Token("mark", "(")
        return here[0].text if is_call else None

    def _accept(self, kind: str, text: str) -> bool:
        if self._tokens[self._position : self._position + 1] == [Token(kind, text)]:
            self._position += 1
            return True
        return False

    def _expect(self, kind: str, text: str) -> None:
        if not self._accept(kind, text):
            raise BadQuery(f"$filter: {text!r} is missing")

    def _take(self, kind: str | None = None) -> Token:
        if self._position == len(self._tokens):
            raise BadQuery("$filter ends too early")
        token = self._tokens[self._position]
        if kind is not None and token.kind != kind:
            raise BadQuery(f"$filter cannot be understood at {token.text!r}")
        self._position += 1
        return token


def _constant(token: Token) -> Value:
    match token.kind:
        case "string":
            return token.text[1:-1].replace("''", "'")
        case "number":
            return _number(token.text)
        case "datetime":
            return _moment(token.text)
        case "name":
            return token.text == "true"
        case _:
            raise BadQuery(f"$filter cannot be understood at {token.text!r}")


def _number(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise BadQuery(f"{text!r} is not a number") from error


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError as error:
        raise BadQuery(f"{text!r} is not a date") from error


def _compare(left: Operand, compare: Callable[[Value, Value], bool], right: Operand) -> Test:
    def test(row: Row) -> bool:
        one, other = left(row), right(row)
        if _kind(one) != _kind(other):
            raise BadQuery("$filter compares values of different types")
        return compare(one, other)

    return test


def _kind(value: Value) -> str:
    match value:
        case bool():
            return "truth"
        case int() | Decimal():
            return "number"
        case _:
            return type(value).__name__


def _text(value: Value) -> str:
    if not isinstance(value, str):
        raise BadQuery("$filter uses a text function on something that is no text")
    return value
