"""Is the path of a request one that means the same to everybody?

A path that climbs out of its folder after one party more has decoded it is how files leak and rules are bypassed, so
every layer of percent-encoding is looked through before a path is let in.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final
from urllib.parse import unquote_to_bytes

from entryway.router.errors import PathRefused

MOST_LAYERS: Final = 10
# What needs a closer look: an escape, a segment of dots, or anything beyond ASCII.
_SUSPICIOUS: Final = re.compile(r"%|/\.{1,2}(?:/|$)|[^\x21-\x7e]")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_DOT_SEGMENT = re.compile(r"(?:^|/)\.{1,2}(?:/|$)")

MOST_KEPT: Final = 1000
LONGEST_KEPT: Final = 200
_plain: Final[set[str]] = set()
"""Targets without a query that were found harmless lately."""


def check_path(target: str) -> None:
    """Raise PathRefused if the path has dot segments or escapes without meaning, however often encoded."""
    if target in _plain:
        return
    path = target.partition("?")[0]
    # Nearly all are told apart without the expression, which costs more.
    if ("%" in path or "/." in path or " " in path or not (path.isascii() and path.isprintable())) and (
        _SUSPICIOUS.search(path)
    ):
        _look_closer(path)
    elif path == target and len(target) <= LONGEST_KEPT:
        if len(_plain) >= MOST_KEPT:
            _plain.clear()
        _plain.add(target)


def decode(path: str) -> str:
    """Return the path with one layer of percent-encoding removed; it must be UTF-8."""
    if _BAD_ESCAPE.search(path):
        raise PathRefused(f"malformed escape in {path!r}")
    try:
        return unquote_to_bytes(path.encode("latin-1")).decode("utf-8")
    except (UnicodeDecodeError, UnicodeEncodeError):
        raise PathRefused(f"the escapes in {path!r} are not UTF-8") from None


def _look_closer(path: str) -> None:
    for _ in range(MOST_LAYERS):
        # Full-width dots and their like become dots where a file system or a backend normalizes.
        if _DOT_SEGMENT.search(unicodedata.normalize("NFKC", path)):
            raise PathRefused(f"dot segment in {path!r}")
        if "%" not in path:
            return
        path = _decode_again(path)
    raise PathRefused("encoded too often")


def _decode_again(path: str) -> str:
    if _BAD_ESCAPE.search(path):
        raise PathRefused(f"malformed escape in {path!r}")
    try:
        return unquote_to_bytes(path.encode("utf-8") if not path.isascii() else path).decode("utf-8")
    except UnicodeDecodeError:
        raise PathRefused(f"the escapes in {path!r} are not UTF-8") from None
