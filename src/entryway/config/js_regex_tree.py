"""The tree that a regular expression is parsed into; it knows characters as sets, whoever writes it down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from entryway.config.js_regex_characters import Characters


@dataclass(frozen=True, slots=True)
class Assertion:
    r"""A place, not a character: `^`, `$`, `\b`, `\B`."""

    source: str


@dataclass(frozen=True, slots=True)
class Look:
    """Look around without moving."""

    opening: Literal["(?=", "(?!", "(?<=", "(?<!"]
    body: Node


@dataclass(frozen=True, slots=True)
class Group:
    """A capturing group, or with `number` None a bare one."""

    number: int | None
    body: Node


@dataclass(frozen=True, slots=True)
class BackReference:
    number: int


@dataclass(frozen=True, slots=True)
class Repeat:
    body: Node
    least: int
    most: int | None
    lazy: bool


@dataclass(frozen=True, slots=True)
class Sequence:
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    options: tuple[Node, ...]


Node: TypeAlias = Characters | Assertion | Look | Group | BackReference | Repeat | Sequence | Choice


def transform(node: Node, change: Callable[[Characters], Characters]) -> Node:  # noqa: PLR0911 - one for each kind
    """Return the same tree with every set of characters changed."""
    match node:
        case Characters():
            return change(node)
        case Sequence(items):
            return Sequence(tuple(transform(item, change) for item in items))
        case Choice(options):
            return Choice(tuple(transform(option, change) for option in options))
        case Group(number, body):
            return Group(number, transform(body, change))
        case Repeat(body, least, most, lazy):
            return Repeat(transform(body, change), least, most, lazy)
        case Look(opening, body):
            return Look(opening, transform(body, change))
        case Assertion() | BackReference():
            return node
