"""JavaScript regular expressions and replacement rules, with JavaScript's meaning, on Python's `re` or on RE2.

Routes are written for JavaScript. What means the same is translated; what cannot be given the same meaning, or could
take more than linear time on a hostile request with either engine, is refused at start.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from entryway.config.js_regex_characters import ALL, Characters, RegexRefused
from entryway.config.js_regex_cost import certainly_linear
from entryway.config.js_regex_engines import Found, Pattern, backtracking, linear
from entryway.config.js_regex_runaway import runs_away
from entryway.config.js_regex_syntax import Parsed, parse
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

__all__ = ["JsRegex", "RegexRefused", "Template", "compile_js", "compile_template"]

# A quantifier beyond this is no route any more, and Python's engine has limits of its own.
MOST_REPEATS = 1000


@dataclass(frozen=True, slots=True)
class JsRegex:
    """A compiled expression; `source` is what the author wrote."""

    source: str
    pattern: Pattern
    names: dict[str, int]
    ignore_case: bool
    literal_prefix: str
    """What every match begins with, at the start of the text; empty if that is not one text."""
    literal_start: str
    """What every match begins with, wherever in the text; empty if that is not one text."""


def compile_js(source: str, *, ignore_case: bool = False) -> JsRegex:
    """Translate an expression, or raise RegexRefused with the reason."""
    if max(source, default="") > "\uffff":
        # To JavaScript it is two; and no URL has one, for URLs are escaped.
        raise RegexRefused("characters beyond U+FFFF are not supported: URLs have them escaped")
    parsed = parse(source)
    _check_repeats(parsed.root)
    root = transform(parsed.root, fold) if ignore_case else parsed.root
    takes_long = not certainly_linear(root)
    if takes_long and runs_away(root):
        raise RegexRefused("it can be matched in exponentially many ways: a repeated part repeats inside itself")
    if _forgets_captures(parsed.root, repeated=False, optional=False):
        raise RegexRefused("a group that may be skipped or empty is captured inside a repetition")
    if _reads_nothing_first(parsed.root):
        raise RegexRefused("a repeated part would rather be empty")
    pattern = (_without_backtracking if takes_long else backtracking)(parsed.root, ignore_case=ignore_case)
    anchored, start = (False, "") if ignore_case else _literal_start(parsed)
    return JsRegex(source, pattern, parsed.names, ignore_case, start if anchored else "", start)


def _without_backtracking(root: Node, *, ignore_case: bool) -> Pattern:
    try:
        return linear(root, ignore_case=ignore_case)
    except RegexRefused as error:
        raise RegexRefused(f"it can take very long, and it cannot be matched in linear time: {error}") from error


def fold(characters: Characters) -> Characters:
    """Return the set with the other case of every ASCII letter in it; what is left out is left out in either case."""
    if characters.source.startswith("[^"):
        return Characters(ALL & ~_either_case(ALL & ~characters.mask), characters.source)
    return Characters(_either_case(characters.mask), characters.source)


def _either_case(mask: int) -> int:
    for upper in range(65, 91):
        both = 1 << upper | 1 << (upper + 32)
        if mask & both:
            mask |= both
    return mask


def _children(node: Node) -> tuple[Node, ...]:
    match node:
        case Sequence(items):
            return items
        case Choice(options):
            return options
        case Group(_, body) | Look(_, body) | Repeat(body, _, _, _):
            return (body,)
        case Characters() | Assertion() | BackReference():
            return ()


def _check_repeats(node: Node) -> None:
    if isinstance(node, Repeat) and max(node.least, node.most or 0) > MOST_REPEATS:
        raise RegexRefused(f"it repeats something more than {MOST_REPEATS} times")
    for child in _children(node):
        _check_repeats(child)


def _forgets_captures(node: Node, *, repeated: bool, optional: bool) -> bool:
    """Find groups whose value JavaScript resets with every round of a loop, while Python keeps the last one."""
    if isinstance(node, Group) and node.number is not None and repeated and optional:
        return True
    if isinstance(node, Repeat):
        loops = node.most is None or node.most > 1
        if loops and _captures(node.body) and _may_be_empty(node.body):
            return True  # JavaScript takes back a round that read nothing, with what it captured
        # Entering a loop starts a new round; what is optional outside of it does not matter inside.
        optional = (optional and not loops) or (repeated and node.least == 0)
        repeated = repeated or loops
    elif isinstance(node, Choice):
        optional = True
    return any(_forgets_captures(child, repeated=repeated, optional=optional) for child in _children(node))


def _reads_nothing_first(node: Node) -> bool:
    """Find rounds of a repetition that try to be empty first: JavaScript refuses such a round, and so reads on."""
    if isinstance(node, Repeat) and node.least != node.most and _may_be_empty(node.body) and _rather_empty(node.body):
        return True
    return any(map(_reads_nothing_first, _children(node)))


def _rather_empty(node: Node) -> bool:
    match node:
        case Choice(options) if any(map(_may_be_empty, options[:-1])):
            return True
        case Repeat(_, 0, _, True):
            return True
        case _:
            return any(map(_rather_empty, _children(node)))


def _captures(node: Node) -> bool:
    return (isinstance(node, Group) and node.number is not None) or any(map(_captures, _children(node)))


def _may_be_empty(node: Node) -> bool:
    match node:
        case Characters():
            return False
        case Assertion() | Look() | BackReference():
            return True
        case Sequence(items):
            return all(map(_may_be_empty, items))
        case Choice(options):
            return any(map(_may_be_empty, options))
        case Group(_, body):
            return _may_be_empty(body)
        case Repeat(body, least, _, _):
            return least == 0 or _may_be_empty(body)


def _literal_start(parsed: Parsed) -> tuple[bool, str]:
    """Tell whether every match is at the start of the text, and return the one text that it begins with."""
    items = parsed.root.items if isinstance(parsed.root, Sequence) else ()
    anchored = bool(items) and items[0] == Assertion("^")
    start = ""
    for item in items[1:] if anchored else items:
        if not isinstance(item, Characters) or item.mask.bit_count() != 1 or item.mask.bit_length() > 256:
            break
        start += chr(item.mask.bit_length() - 1)
    return anchored, start


@dataclass(frozen=True, slots=True)
class Template:
    """A replacement text after JavaScript's rules, taken apart: texts, numbers of groups, and the three specials."""

    source: str
    parts: tuple[str | int, ...]

    def expand(self, match: Found) -> str:
        """Return the text with the groups of `match` filled in."""
        parts = self.parts
        if len(parts) == 1 and type(parts[0]) is int:  # one group, as in nearly every route
            return _group(match, parts[0])
        return "".join([part if isinstance(part, str) else _group(match, part) for part in parts])


WHOLE, BEFORE, AFTER = 0, -1, -2
_SPECIAL = {"&": WHOLE, "`": BEFORE, "'": AFTER}


def compile_template(source: str, regex: JsRegex) -> Template:
    """Take a replacement text apart; `$` rules that do not apply stay as they are written."""
    parts: list[str | int] = []
    at = 0
    for found in re.finditer(r"\$(?:\$|[&`']|<([^>]*)>|([0-9]{1,2}))", source):
        part, length = _part(found, regex)
        if part is None:
            continue
        parts += [source[at : found.start()], part]
        at = found.start() + length
    parts.append(source[at:])
    return Template(source, tuple(part for part in parts if part != ""))


def _part(found: re.Match[str], regex: JsRegex) -> tuple[str | int | None, int]:
    """Return what a `$` rule stands for, and how many characters of the text it takes."""
    text = found[0]
    if text == "$$":
        return "$", 2
    if text[1] in _SPECIAL:
        return _SPECIAL[text[1]], 2
    if found[1] is not None:
        if not regex.names:
            return None, 0  # without named groups $< is literal
        number = regex.names.get(found[1])
        return ("" if number is None else number), len(text)
    for digits in (found[2], found[2][0]):
        if 1 <= int(digits) <= regex.pattern.groups:
            return int(digits), 1 + len(digits)
    return None, 0


def _group(match: Found, number: int) -> str:
    if number >= 0:
        return match[number] or ""
    return match.string[: match.start()] if number == BEFORE else match.string[match.end() :]
