"""Does a regular expression run away? Backtracking takes exponential time exactly if one text can be read in two ways
inside a loop (Weber and Seidl's criterion EDA); that is decided on the position automaton of the expression.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from entryway.config.js_regex_characters import ALL, Characters
from entryway.config.js_regex_tree import Assertion, BackReference, Choice, Group, Look, Node, Repeat, Sequence

UNROLLED = 16  # bounded repeats up to this are written out; larger ones count as loops


@dataclass(slots=True)
class Automaton:
    """Glushkov's automaton: a state per character of the pattern, and which may follow which, in how many ways."""

    masks: list[int] = field(default_factory=list)
    follow: Counter[tuple[int, int]] = field(default_factory=Counter)
    looks: list[Node] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Part:
    """What the outside needs to know of a part of the pattern."""

    nullable: bool
    first: tuple[int, ...]
    last: tuple[int, ...]


EMPTY = Part(nullable=True, first=(), last=())


def runs_away(root: Node) -> bool:
    """Tell whether matching can take exponential time on some text."""
    automaton = Automaton()
    _add(root, automaton)
    return _ambiguous_loop(automaton) or any(runs_away(look) for look in automaton.looks)


def _add(node: Node, automaton: Automaton) -> Part:  # noqa: PLR0911 - one return for each kind of node
    match node:
        case Characters(mask, _):
            return _state(mask, automaton)
        case BackReference():
            return _state(ALL, automaton)  # it may read anything
        case Assertion():
            return EMPTY
        case Look(_, body):
            automaton.looks.append(body)
            return EMPTY
        case Group(_, body):
            return _add(body, automaton)
        case Choice(options):
            parts = [_add(option, automaton) for option in options]
            return Part(
                any(part.nullable for part in parts),
                tuple(state for part in parts for state in part.first),
                tuple(state for part in parts for state in part.last),
            )
        case Sequence(items):
            whole = EMPTY
            for item in items:
                whole = _then(whole, _add(item, automaton), automaton)
            return whole
        case Repeat():
            return _add_repeat(node, automaton)


def _add_repeat(node: Repeat, automaton: Automaton) -> Part:
    if node.most is not None and node.most <= UNROLLED:
        whole = EMPTY
        for count in range(node.most):
            part = _add(node.body, automaton)
            whole = _then(whole, part if count < node.least else _optional(part), automaton)
        return whole
    part = _add(node.body, automaton)
    _link(part.last, part.first, automaton)
    return part if node.least else _optional(part)


def _state(mask: int, automaton: Automaton) -> Part:
    automaton.masks.append(mask)
    number = len(automaton.masks) - 1
    return Part(nullable=False, first=(number,), last=(number,))


def _then(left: Part, right: Part, automaton: Automaton) -> Part:
    _link(left.last, right.first, automaton)
    return Part(
        left.nullable and right.nullable,
        left.first + right.first if left.nullable else left.first,
        left.last + right.last if right.nullable else right.last,
    )


def _optional(part: Part) -> Part:
    return Part(nullable=True, first=part.first, last=part.last)


def _link(last: tuple[int, ...], first: tuple[int, ...], automaton: Automaton) -> None:
    for before in last:
        for after in first:
            automaton.follow[before, after] += 1


def _ambiguous_loop(automaton: Automaton) -> bool:
    """Tell whether two states can be reached from one, and lead back to it, over the same text."""
    after: dict[int, list[int]] = {}
    for before, state in automaton.follow:
        after.setdefault(before, []).append(state)
    loop_of = _loops(after)
    if any(ways > 1 and loop_of.get(a) == loop_of.get(b) is not None for (a, b), ways in automaton.follow.items()):
        return True
    inside = {a: [b for b in after.get(a, ()) if loop_of.get(b) == loop] for a, loop in loop_of.items()}
    forward = _reach_pairs({(a, a) for a in inside}, inside, automaton.masks)
    backwards: dict[int, list[int]] = {a: [] for a in inside}
    for a, followers in inside.items():
        for b in followers:
            backwards[b].append(a)
    back = _reach_pairs_backwards({(a, a) for a in inside}, backwards, automaton.masks)
    return any(a != b for a, b in forward & back)


def _loops(after: dict[int, list[int]]) -> dict[int, int]:
    """Give every state that lies on a loop the number of its strongly connected component."""
    reach = {state: _reachable(state, after) for state in after}
    loops: dict[int, int] = {}
    for state, reached in reach.items():
        if state in reached:
            loops[state] = min(other for other in reached if state in reach.get(other, ()))
    return loops


def _reachable(start: int, after: dict[int, list[int]]) -> set[int]:
    seen: set[int] = set()
    todo = list(after.get(start, ()))
    while todo:
        state = todo.pop()
        if state not in seen:
            seen.add(state)
            todo.extend(after.get(state, ()))
    return seen


Pair = tuple[int, int]


def _reach_pairs(start: set[Pair], after: dict[int, list[int]], masks: list[int]) -> set[Pair]:
    seen, todo = set(start), list(start)
    while todo:
        a, b = todo.pop()
        for pair in ((x, y) for x in after[a] for y in after[b] if masks[x] & masks[y]):
            if pair not in seen:
                seen.add(pair)
                todo.append(pair)
    return seen


def _reach_pairs_backwards(start: set[Pair], before: dict[int, list[int]], masks: list[int]) -> set[Pair]:
    seen, todo = set(start), list(start)
    while todo:
        a, b = todo.pop()
        if not masks[a] & masks[b]:
            continue
        for pair in ((x, y) for x in before[a] for y in before[b]):
            if pair not in seen:
                seen.add(pair)
                todo.append(pair)
    return seen
