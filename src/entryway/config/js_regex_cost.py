"""Is backtracking certain to take linear time? It is where every text is read in one way alone up to any place in the
expression, tries from every start included: then each character costs as many steps as the expression has places.

What takes polynomial time is not told from what cannot be told.
"""

from __future__ import annotations

from entryway.config.js_regex_automaton import Automaton, add, link, state
from entryway.config.js_regex_characters import ALL, DOT, Characters
from entryway.config.js_regex_tree import Assertion, Choice, Group, Node, Repeat, Sequence

MOST_STEPS = 100_000
"""Until here it is looked for two ways: a tenth of a second. It bounds the places that one text can lead to as well."""


def certainly_linear(root: Node) -> bool:
    """Tell whether searching takes linear time on every text without line ends."""
    whole = Automaton()
    add(root, whole)
    automaton = Automaton(groups=whole.groups)
    items = _without_sure_end(_items(root))
    anchored = _is_anchored(items)
    # Who searches anywhere skips any text first.
    start = state(0 if anchored else ALL, automaton).first
    if not anchored:
        link(start, start, automaton)
    link(start, add(Sequence(items), automaton).first, automaton)
    return not automaton.empty_twice and _one_way_to_each_state(automaton, start[0])


def _one_way_to_each_state(automaton: Automaton, start: int) -> bool:
    """Tell whether no text leads to one state in two ways: go along with two runs until they meet."""
    after, masks = automaton.after(), automaton.masks
    seen, todo, steps = {(start, start)}, [(start, start)], 0
    while todo:
        a, b = todo.pop()
        steps += len(after.get(a, ())) * len(after.get(b, ()))
        if steps > MOST_STEPS:
            return False
        for x in after.get(a, ()):
            for y in after.get(b, ()):
                if not masks[x] & masks[y]:
                    continue
                if x == y and (a != b or automaton.follow[a, x] > 1):
                    return False
                pair = (x, y) if x <= y else (y, x)
                if pair not in seen:
                    seen.add(pair)
                    todo.append(pair)
    return True


def _items(node: Node) -> tuple[Node, ...]:
    """Return what stands one after the other, without the groups around it."""
    match node:
        case Sequence(items):
            return tuple(inner for item in items for inner in _items(item))
        case Group(_, body) if not isinstance(body, Choice):
            return _items(body)
        case _:
            return (node,)


def _is_anchored(items: tuple[Node, ...]) -> bool:
    match items[:1]:
        case (Choice(options),) | (Group(_, Choice(options)),):
            return all(_is_anchored(_items(option)) for option in options)
        case first:
            return first == (Assertion("^"),)


def _without_sure_end(items: tuple[Node, ...]) -> tuple[Node, ...]:
    """Leave out an end such as `(.*)$`, which takes every rest: who comes there has found a match."""
    to_the_end = items[-1:] == (Assertion(r"\Z"),)
    rest = items[:-1] if to_the_end else items
    for at in range(len(rest) - 1, -1, -1):
        item = rest[at]
        if not isinstance(item, Repeat):
            break
        if item.most is None and isinstance(item.body, Characters):
            is_last, takes_all = at == len(rest) - 1, item.body.mask & DOT == DOT
            if (is_last and (takes_all or not to_the_end)) or (takes_all and not item.lazy):
                return (*rest[:at], Repeat(item.body, item.least, item.least, lazy=False))
        if item.least:
            break
    return items
