"""The two engines for regular expressions: Python's `re`, and RE2 for what could keep `re` busy for long.

RE2 takes linear time for everything and finds the same; it costs ten microseconds more, and knows neither back
references nor looking around. It is loaded where an expression needs it, and not before.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, partial
from typing import Any, Protocol

from entryway.config.js_regex_characters import BEYOND, Characters, RegexRefused
from entryway.config.js_regex_tree import BackReference, Look, Node
from entryway.config.js_regex_writing import Dialect, without_looks, write


class Found(Protocol):
    """A match, as both engines have it."""

    @property
    def string(self) -> str: ...
    def __getitem__(self, group: int, /) -> str | Any: ...
    def groups(self) -> tuple[str | Any, ...]: ...
    def start(self, group: int = 0, /) -> int: ...
    def end(self, group: int = 0, /) -> int: ...
    def span(self, group: int = 0, /) -> tuple[int, int]: ...


class Pattern(Protocol):
    """A compiled expression, as both engines have it."""

    @property
    def groups(self) -> int: ...
    def search(self, string: str, /) -> Found | None: ...


LARGEST = 2500
"""RE2's time grows with its program as well: this large, 16 KiB take 0.3 seconds at worst."""
MEMORY = 1 << 20


def backtracking(root: Node, *, ignore_case: bool) -> Pattern:
    """Compile for `re`, or raise RegexRefused."""
    try:
        return re.compile(write(root, _PYTHON), _flags(ignore_case))
    except (re.error, RecursionError, OverflowError) as error:
        raise RegexRefused(f"it has no equivalent here: {error}") from error


def linear(root: Node, *, ignore_case: bool) -> Pattern:
    """Compile for RE2, or raise RegexRefused."""
    import re2  # noqa: PLC0415 - a megabyte and a half that most routers never need

    options = re2.Options()
    options.log_errors, options.max_mem = False, MEMORY
    dialect = Dialect(partial(_ranges, ignore_case=ignore_case), _RE2_ASSERTIONS, without_looks)
    try:
        pattern = re2.compile(write(root, dialect), options)
    except re2.error as error:
        raise RegexRefused(f"it has no equivalent here: {error}") from error
    if pattern.programsize > LARGEST:
        raise RegexRefused("it is too large, for all that it repeats")
    found: Pattern = pattern
    return found


def _python_special(node: Look | BackReference, again: Callable[[Node], str]) -> str:
    if isinstance(node, BackReference):
        # To JavaScript a group that took no part is empty; to Python it is a failure.
        return f"(?({node.number})(?:\\{node.number}))"
    return f"{node.opening}{again(node.body)})"


# To Python alone, an empty text has no \B.
_PYTHON = Dialect(lambda it: it.source, {"^": "^", r"\Z": r"\Z", r"\b": r"\b", r"\B": r"(?!\b)"}, _python_special)
# RE2 finds \B between the bytes of a character as well: it goes without.
_RE2_ASSERTIONS = {"^": r"\A", r"\Z": r"\z", r"\b": r"\b"}


@cache
def _ranges(characters: Characters, *, ignore_case: bool) -> str:
    """Write a set of characters as the ranges that `re` itself finds in it, so that both engines mean the same.

    RE2 may read [Kk] and [Ss] as a letter in either case, of which Unicode has a third: no request has such a sign.
    """
    last = 0x10000 if characters.mask & BEYOND else 0xFF  # beyond U+FFFF all are alike: no expression names one
    every = [code for code in range(last + 1) if not 0xD800 <= code <= 0xDFFF]
    inside = ""
    for found in re.finditer(f"(?:{characters.source})+", "".join(map(chr, every)), _flags(ignore_case)):
        low, high = every[found.start()], every[found.end() - 1]
        inside += rf"\x{{{low:x}}}-\x{{{high if high < 0x10000 else 0x10FFFF:x}}}"
    return f"[{inside}]" if inside else r"[^\x{0}-\x{10ffff}]"


def _flags(ignore_case: bool) -> re.RegexFlag:  # noqa: FBT001
    return re.ASCII | re.IGNORECASE if ignore_case else re.ASCII
