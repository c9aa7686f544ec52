"""JavaScript regular expressions written down for the engines of proxies: PCRE (nginx) and RE2 (Envoy).

Everything is written by its set of characters and by number, so that neither engine's shorthands, flags or quoting can
give it another meaning.
"""

from __future__ import annotations

from collections.abc import Callable

from entryway.config.js_regex import JsRegex, fold
from entryway.config.js_regex_characters import ALL, Characters, RegexRefused
from entryway.config.js_regex_syntax import parse
from entryway.config.js_regex_tree import (
    Assertion,
    BackReference,
    Choice,
    Group,
    Look,
    Node,
    Repeat,
    Sequence,
    transform,
)

_ASSERTIONS = {"^": r"\A", r"\Z": r"\z", r"\b": r"\b", r"\B": r"\B"}
_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/_-")

Special = Callable[[Node, Callable[[Node], str]], str]
"""Writes what engines do not have in common, or raises RegexRefused."""


def pcre(regex: JsRegex) -> str:
    """Return the expression for PCRE; it looks for a match anywhere, as JavaScript does."""
    return _write(_tree(regex), _pcre_special)


def re2(regex: JsRegex) -> str:
    """Return the expression for RE2; raise RegexRefused for what that engine leaves out on purpose."""
    return _write(_tree(regex), _re2_special)


def _tree(regex: JsRegex) -> Node:
    root = parse(regex.source).root
    return transform(root, _either_case) if regex.ignore_case else root


def _either_case(characters: Characters) -> Characters:
    if not characters.source.startswith("[^"):
        return fold(characters)
    # What a negated class leaves out is left out in either case.
    left_out = fold(Characters(ALL & ~characters.mask, ""))
    return Characters(ALL & ~left_out.mask, characters.source)


def _write(node: Node, special: Special) -> str:  # noqa: PLR0911 - one return for each kind of node
    def again(child: Node) -> str:
        return _write(child, special)

    match node:
        case Characters(mask, _):
            return _characters(mask)
        case Assertion(source):
            return _ASSERTIONS[source]
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
            return special(node, again)


def _pcre_special(node: Node, again: Callable[[Node], str]) -> str:
    if isinstance(node, BackReference):
        # To JavaScript a group that took no part is empty; to PCRE it is a failure.
        return f"(?({node.number})\\{node.number})"
    if isinstance(node, Look) and node.opening in ("(?=", "(?!"):
        return f"{node.opening}{again(node.body)})"
    raise RegexRefused("PCRE looks behind over texts of one length only")


def _re2_special(node: Node, _again: Callable[[Node], str]) -> str:
    what = "back references" if isinstance(node, BackReference) else "looking ahead or behind"
    raise RegexRefused(f"RE2 has no {what}")


def _characters(mask: int) -> str:
    codes = [code for code in range(256) if mask >> code & 1]
    if len(codes) == 1 and mask.bit_count() == 1:
        return _one(codes[0])
    ranges: list[tuple[int, int]] = []
    for code in codes:
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1] = (ranges[-1][0], code)
        else:
            ranges.append((code, code))
    if not ranges:
        return r"[^\x00-\xff]"
    inside = "".join(rf"\x{low:02x}" if low == high else rf"\x{low:02x}-\x{high:02x}" for low, high in ranges)
    return f"[{inside}]"


def _one(code: int) -> str:
    return chr(code) if code in _PLAIN else rf"\x{code:02x}"
