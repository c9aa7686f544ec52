"""Paths that a route's expression matches: a handful that shows its breadth, made from its syntax."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice, product

from entryway.config.js_regex import JsRegex
from entryway.config.js_regex_characters import Characters
from entryway.config.js_regex_syntax import parse
from entryway.config.js_regex_tree import Choice, Group, Node, Repeat, Sequence

MOST = 64
PER_PART = 4
PRINTABLE = range(33, 127)


def sample_paths(regex: JsRegex) -> list[str]:
    """Return paths that the expression matches; none if it cannot be told."""
    texts = _texts(parse(regex.source).root)
    candidates = (text if text.startswith("/") else f"/{text}" for text in texts)
    return sorted({path for path in candidates if regex.pattern.search(path)})


def _texts(node: Node) -> list[str]:
    match node:
        case Characters(mask, _):
            return _characters(mask)
        case Sequence(items):
            return _joined([_texts(item) for item in items])
        case Choice(options):
            return [text for option in options for text in _few(_texts(option))]
        case Group(_, body):
            return _texts(body)
        case Repeat(body, least, most, _):
            return _repeated(_few(_texts(body)), least, most)
    # What has no width, and back references: the caller tries whether the rest matches without them.
    return [""]


def _characters(mask: int) -> list[str]:
    held = [chr(code) for code in PRINTABLE if mask >> code & 1]
    letters = [character for character in held if character.isalnum()]
    chosen = letters or held
    if len(chosen) <= 1:
        return chosen
    # The two ends show the breadth of a class; a slash shows that it crosses segments.
    return [chosen[0], chosen[-1], *(["/"] if "/" in held else [])]


def _repeated(texts: list[str], least: int, most: int | None) -> list[str]:
    counts = [count for count in (least, least + 1, least + 3) if most is None or count <= most]
    found = [text * count for count in counts for text in texts]
    mixed = "".join(texts)
    if most is None and texts and least <= len(texts):
        found.append(mixed)
    return sorted(set(found))


def _joined(parts: list[list[str]]) -> list[str]:
    return ["".join(texts) for texts in islice(product(*(_few(part) for part in parts)), MOST)]


def _few(texts: Iterable[str]) -> list[str]:
    found = sorted(set(texts))
    if len(found) <= PER_PART:
        return found
    step = (len(found) - 1) / (PER_PART - 1)
    return [found[round(index * step)] for index in range(PER_PART)]
