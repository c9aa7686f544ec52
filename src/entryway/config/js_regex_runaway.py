"""Does a regular expression run away? Backtracking takes exponential time exactly if one text can be read in two ways
inside a loop (Weber and Seidl's criterion EDA); that is decided on the position automaton of the expression.
"""

from __future__ import annotations

from entryway.config.js_regex_automaton import Automaton, add
from entryway.config.js_regex_tree import Node


def runs_away(root: Node) -> bool:
    """Tell whether matching can take exponential time on some text."""
    automaton = Automaton()
    add(root, automaton)
    return _ambiguous_loop(automaton)


def _ambiguous_loop(automaton: Automaton) -> bool:
    """Tell whether two states can be reached from one, and lead back to it, over the same text."""
    after = automaton.after()
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
