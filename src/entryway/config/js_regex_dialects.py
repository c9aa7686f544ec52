"""JavaScript regular expressions written down for the engines of proxies: PCRE (nginx) and RE2 (Envoy).

Everything is written by its set of characters and by number, so that neither engine's shorthands, flags or quoting can
give it another meaning.
"""

from __future__ import annotations

from collections.abc import Callable

from entryway.config.js_regex import JsRegex, fold
from entryway.config.js_regex_characters import Characters, RegexRefused
from entryway.config.js_regex_syntax import parse
from entryway.config.js_regex_tree import BackReference, Look, Node, transform
from entryway.config.js_regex_writing import Dialect, without_looks, write

_ASSERTIONS = {"^": r"\A", r"\Z": r"\z", r"\b": r"\b", r"\B": r"\B"}
_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/_-")


def pcre(regex: JsRegex) -> str:
    """Return the expression for PCRE; it looks for a match anywhere, as JavaScript does."""
    return write(_tree(regex), Dialect(_characters, _ASSERTIONS, _pcre_special))


def re2(regex: JsRegex) -> str:
    """Return the expression for RE2; raise RegexRefused for what that engine leaves out on purpose."""
    return write(_tree(regex), Dialect(_characters, _ASSERTIONS, without_looks))


def _tree(regex: JsRegex) -> Node:
    root = parse(regex.source).root
    return transform(root, fold) if regex.ignore_case else root


def _pcre_special(node: Look | BackReference, again: Callable[[Node], str]) -> str:
    if isinstance(node, BackReference):
        # To JavaScript a group that took no part is empty; to PCRE it is a failure.
        return f"(?({node.number})\\{node.number})"
    if node.opening in ("(?=", "(?!"):
        return f"{node.opening}{again(node.body)})"
    raise RegexRefused("PCRE looks behind over texts of one length only")


def _characters(characters: Characters) -> str:
    mask = characters.mask
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
