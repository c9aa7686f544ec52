"""Ant's wildcards, matched in time that grows with the text alone: whoever writes a pattern cannot stop the server.

A regular expression with many wildcards may take for ever. Here every position that the pattern may have reached is
one bit of a number, and each character of the text moves all of them at once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache

_PART = re.compile(r"/\*\*(?=/|$)|\*\*|.", re.DOTALL)


@dataclass(slots=True)
class _Machine:
    """The positions (bits) from which a character leads on, where it may stay, and which may be skipped."""

    separator: str
    size: int = 0
    characters: dict[str, int] = field(default_factory=dict)
    any_character: int = 0
    stays_within: int = 0
    stays_across: int = 0
    skips_one: int = 0
    skips_two: int = 0

    def literal(self, character: str) -> None:
        self.characters[character] = self.characters.get(character, 0) | 1 << self.size
        self.size += 1

    def one(self) -> None:
        self.any_character |= 1 << self.size
        self.size += 1

    def many(self, *, across: bool) -> None:
        bit = 1 << self.size
        self.skips_one |= bit
        self.stays_within |= bit
        self.stays_across |= bit if across else 0
        self.size += 1

    def matches(self, text: str) -> bool:
        reached = self._with_skipped(1)
        for character in text:
            separates = character == self.separator
            leads_on = self.characters.get(character, 0) | (0 if separates else self.any_character)
            stays = self.stays_across if separates else self.stays_within
            reached = self._with_skipped((reached & leads_on) << 1 | reached & stays)
        return bool(reached >> self.size & 1)

    def _with_skipped(self, reached: int) -> int:
        while (more := reached | (reached & self.skips_one) << 1 | (reached & self.skips_two) << 2) != reached:
            reached = more
        return reached


def matches_path(pattern: str, path: str) -> bool:
    """Say whether a path matches: `?` is one character, `*` stays within a part, `**` goes across parts."""
    return _path(pattern).matches(path)


def matches_host(pattern: str, host: str) -> bool:
    """Say whether a host matches: a label that is all wildcard stands for one that is there."""
    return _host(pattern).matches(host)


def matches_scheme(pattern: str, scheme: str) -> bool:
    """Say whether a scheme matches."""
    return _host(pattern).matches(scheme) if "*" in pattern else pattern == scheme


@lru_cache(maxsize=4096)
def _path(pattern: str) -> _Machine:
    machine = _Machine("/")
    for part in _PART.findall(pattern):
        if part == "/**":
            # Whole parts, or none: `/a/**/b` is `/a/b`, too.
            machine.skips_two |= 1 << machine.size
            machine.literal("/")
            machine.many(across=True)
        else:
            _add(machine, part)
    return machine


@lru_cache(maxsize=4096)
def _host(pattern: str) -> _Machine:
    machine = _Machine(".")
    for number, label in enumerate(pattern.split(".")):
        if number:
            machine.literal(".")
        if label and not label.strip("*"):
            machine.one()
        for part in _PART.findall(label):
            _add(machine, part)
    return machine


def _add(machine: _Machine, part: str) -> None:
    if part in {"*", "**"}:
        machine.many(across=part == "**")
    elif part == "?":
        machine.one()
    else:
        machine.literal(part)
