"""Characters as sets (bit masks over Latin-1, which is what a request target is made of), as JavaScript has them."""

from __future__ import annotations

import re
from dataclasses import dataclass

# Latin-1 has 256 characters; one more bit stands for everything beyond.
ALL = (1 << 257) - 1
BEYOND = 1 << 256

DIGIT = sum(1 << ord(c) for c in "0123456789")
WORD = DIGIT | sum(1 << c for c in (*range(65, 91), *range(97, 123), 95))
# ECMAScript's WhiteSpace and LineTerminator; the Unicode spaces among them are "beyond".
SPACE = sum(1 << ord(c) for c in "\t\n\v\f\r \u00a0") | BEYOND
LINE_END = sum(1 << ord(c) for c in "\n\r")
DOT = ALL & ~LINE_END

SPACE_SOURCE = r"\t\n\v\f\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
CLASSES = {"d": (DIGIT, "0-9"), "w": (WORD, "A-Za-z0-9_"), "s": (SPACE, SPACE_SOURCE)}


class RegexRefused(ValueError):
    """The expression is not valid JavaScript, or cannot be given the same meaning here."""


@dataclass(frozen=True, slots=True)
class Characters:
    """One character out of a set; `source` says it in Python's syntax."""

    mask: int
    source: str


def literal(character: str) -> Characters:
    return Characters(mask_of(character), re.escape(character))


def literal_in_class(character: str) -> Characters:
    return Characters(mask_of(character), escape_in_class(character))


def mask_of(character: str) -> int:
    return 1 << ord(character) if ord(character) < 256 else BEYOND


def escape_in_class(character: str) -> str:
    return "\\" + character if character in r"\]^-[&~|" else character


def class_escape(letter: str, *, in_class: bool = False) -> Characters:
    r"""Return the set of `\d`, `\w`, `\s` or its complement; ASCII only, as JavaScript has them."""
    mask, parts = CLASSES[letter.lower()]
    if letter.islower():
        return Characters(mask, parts if in_class else f"[{parts}]")
    if not in_class:
        return Characters(ALL & ~mask, f"[^{parts}]")
    # Inside a class Python's own complement serves; under re.ASCII it is JavaScript's but for \S.
    if letter == "S":
        raise RegexRefused(r"\S inside a character class is not supported")
    return Characters(ALL & ~mask, "\\" + letter)


def character_range(low: Characters | str, high: Characters | str) -> Characters:
    if isinstance(low, Characters) or isinstance(high, Characters):
        # Annex B: [\w-x] is the class, a hyphen and an x.
        ends = [end if isinstance(end, Characters) else literal_in_class(end) for end in (low, high)]
        hyphen = literal_in_class("-")
        return Characters(ends[0].mask | ends[1].mask | hyphen.mask, ends[0].source + hyphen.source + ends[1].source)
    if ord(low) > ord(high):
        raise RegexRefused("Range out of order in character class")
    mask = sum(1 << code for code in range(ord(low), min(ord(high), 255) + 1)) | (BEYOND if ord(high) > 255 else 0)
    return Characters(mask, f"{escape_in_class(low)}-{escape_in_class(high)}")
