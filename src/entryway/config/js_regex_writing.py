"""Writes the tree of a regular expression down for an engine: what engines share, and as a dialect the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from entryway.config.js_regex_characters import Characters, RegexRefused
from entryway.config.js_regex_tree import (
    Assertion,
    BackReference,
    Choice,
    Group,
    Look,
    Node,
    Repeat,
    Sequence,
)

Again = Callable[[Node], str]


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one engine is written to."""

    characters: Callable[[Characters], str]
    assertions: Mapping[str, str]
    special: Callable[[Look | BackReference, Again], str]
    """Writes what engines do not have in common, or raises RegexRefused."""


def write(node: Node, dialect: Dialect) -> str:  # noqa: C901, PLR0911 - one case for each kind of node
    """Return the expression in an engine's syntax."""

    def again(child: Node) -> str:
        return write(child, dialect)

    match node:
        case Characters():
            return dialect.characters(node)
        case Assertion(source):
            if source not in dialect.assertions:
                raise RegexRefused(f"{source} is not supported here")
            return dialect.assertions[source]
        case Sequence(items):
            return "".join(map(again, items))
        case Choice(options):
            return f"(?:{'|'.join(map(again, options))})"
        case Repeat(body, least, most, lazy):
            bounds = f"{{{least},{'' if most is None else most}}}"
            short = {"{0,}": "*", "{1,}": "+", "{0,1}": "?"}.get(bounds, bounds)
            return f"(?:{again(body)}){short}{'?' if lazy else ''}"
        case Group(None, body):
            return f"(?:{again(body)})"
        case Group(_, body):
            return f"({again(body)})"
        case Look() | BackReference():
            return dialect.special(node, again)


def without_looks(node: Look | BackReference, _again: Again) -> str:
    """Refuse what RE2 leaves out on purpose."""
    what = "back references" if isinstance(node, BackReference) else "looking ahead or behind"
    raise RegexRefused(f"RE2 has no {what}")
