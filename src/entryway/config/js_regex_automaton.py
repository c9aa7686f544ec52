"""Glushkov's automaton of a regular expression: a state per character of it, and which may follow which.

A run of it over a text is a way of backtracking to read that text, so that ambiguity here is what costs time there.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise

from entryway.config.js_regex_characters import Characters
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

# Bounded repeats up to this are written out, while there are no more states than that; others count as loops.
UNROLLED = 16
MOST_STATES = 500


@dataclass(slots=True)
class Automaton:
    """States, and how many ways lead from one to the next."""

    masks: list[int] = field(default_factory=list)
    follow: Counter[tuple[int, int]] = field(default_factory=Counter)
    groups: dict[int, Node] = field(default_factory=dict)
    references: int = 0
    """How many back references were written out."""
    empty_twice: bool = False
    """Whether a part can read nothing in two ways, which shows in no state."""

    def after(self) -> dict[int, list[int]]:
        """Return the followers of each state that has any."""
        followers: dict[int, list[int]] = {}
        for before, state in self.follow:
            followers.setdefault(before, []).append(state)
        return followers


@dataclass(frozen=True, slots=True)
class Part:
    """What the outside needs to know of a part of the pattern."""

    nullable: bool
    first: tuple[int, ...]
    last: tuple[int, ...]


EMPTY = Part(nullable=True, first=(), last=())


def add(node: Node, automaton: Automaton) -> Part:  # noqa: C901, PLR0911 - one case for each kind of node
    """Add a part of the pattern to an automaton."""
    match node:
        case Characters(mask, _):
            return state(mask, automaton)
        case BackReference(number):
            return _add_reference(number, automaton)
        case Assertion():
            return EMPTY
        case Look(_, body):
            # What is looked at is read on the side: nothing follows its end.
            return Part(nullable=True, first=add(body, automaton).first, last=())
        case Group(number, body):
            if number is not None:
                automaton.groups[number] = body
            return add(body, automaton)
        case Choice(options):
            parts = [add(option, automaton) for option in options]
            automaton.empty_twice |= sum(part.nullable for part in parts) > 1
            return Part(
                any(part.nullable for part in parts),
                tuple(state for part in parts for state in part.first),
                tuple(state for part in parts for state in part.last),
            )
        case Sequence(items):
            whole = EMPTY
            for item in items:
                whole = _then(whole, add(item, automaton), automaton)
            return whole
        case Repeat():
            return _add_repeat(node, automaton)


def state(mask: int, automaton: Automaton) -> Part:
    """Add a state that reads one character."""
    automaton.masks.append(mask)
    number = len(automaton.masks) - 1
    return Part(nullable=False, first=(number,), last=(number,))


def link(last: tuple[int, ...], first: tuple[int, ...], automaton: Automaton) -> None:
    """Let some states follow on others."""
    for before in last:
        for after in first:
            automaton.follow[before, after] += 1


def _add_reference(number: int, automaton: Automaton) -> Part:
    """Let a back reference read what its group has read: nothing, if that stands where nothing is repeated."""
    body = automaton.groups.get(number)
    automaton.references += 1
    if automaton.references > MOST_STATES:  # groups that refer back twice each double what the next one reads
        automaton.empty_twice = True
        return EMPTY
    return EMPTY if body is None else _optional(add(body, automaton))


def _add_repeat(node: Repeat, automaton: Automaton) -> Part:
    if node.most == 0:
        return EMPTY
    if node.most is None or node.most > UNROLLED or len(automaton.masks) > MOST_STATES:
        part = add(node.body, automaton)
        automaton.empty_twice |= part.nullable
        link(part.last, part.first, automaton)
        return part if node.least else _optional(part)
    parts = [add(node.body, automaton) for _ in range(node.most)]
    if parts[0].nullable:
        automaton.empty_twice |= (node.least, node.most) != (1, 1)
        whole = EMPTY
        for part in parts:
            whole = _then(whole, part, automaton)
        return whole
    # A round comes after the one before, so that three of at most five can be read in one way alone.
    for before, after in pairwise(parts):
        link(before.last, after.first, automaton)
    last = tuple(state for part in parts[max(node.least, 1) - 1 :] for state in part.last)
    return Part(node.least == 0, parts[0].first, last)


def _then(left: Part, right: Part, automaton: Automaton) -> Part:
    link(left.last, right.first, automaton)
    return Part(
        left.nullable and right.nullable,
        left.first + right.first if left.nullable else left.first,
        left.last + right.last if right.nullable else right.last,
    )


def _optional(part: Part) -> Part:
    return Part(nullable=True, first=part.first, last=part.last)
