"""The syntax of JavaScript regular expressions (without the `u` and `v` flags), parsed into a small tree.

The tree can be written down for Python's `re` and for proxies, and is examined for patterns that run away.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from entryway.config.js_regex_characters import (
    ALL,
    DOT,
    Characters,
    RegexRefused,
    character_range,
    class_escape,
    literal,
    literal_in_class,
)
from entryway.config.js_regex_tree import Assertion, BackReference, Choice, Group, Look, Node, Repeat, Sequence

SURROGATES = frozenset({"d8", "d9", "da", "db", "dc", "dd", "de", "df"})
CONTROLS = {"t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r"}


@dataclass(frozen=True, slots=True)
class Parsed:
    root: Node
    groups: int
    names: dict[str, int]


def parse(source: str) -> Parsed:
    """Read a JavaScript regular expression, or refuse it with the reason."""
    return _Parser(source).parse()


class _Parser:
    def __init__(self, source: str) -> None:
        self.source = source
        self.at = 0
        self.groups = 0
        self.closed: set[int] = set()
        self.names: dict[str, int] = {}
        # A decimal escape is a back reference only if there are so many groups (Annex B).
        self.all_groups = _count_groups(source)
        self.has_names = re.search(r"\(\?<[^=!]", source) is not None

    def parse(self) -> Parsed:
        root = self.choice()
        if self.at < len(self.source):
            raise RegexRefused("Unmatched ')'")
        return Parsed(root, self.groups, self.names)

    def choice(self) -> Node:
        options = [self.sequence()]
        while self.take("|"):
            options.append(self.sequence())
        return options[0] if len(options) == 1 else Choice(tuple(options))

    def sequence(self) -> Node:
        items: list[Node] = []
        while self.at < len(self.source) and self.source[self.at] not in "|)":
            items.append(self.quantified(self.atom()))
        return Sequence(tuple(items))

    def quantified(self, atom: Node) -> Node:
        bounds = self.quantifier()
        if bounds is None:
            return atom
        if isinstance(atom, Assertion | Look):
            raise RegexRefused("Nothing to repeat")
        least, most = bounds
        if most is not None and least > most:
            raise RegexRefused("numbers out of order in {} quantifier")
        lazy = self.take("?")
        if self.quantifier() is not None:
            raise RegexRefused("Nothing to repeat")
        return Repeat(atom, least, most, lazy)

    def quantifier(self) -> tuple[int, int | None] | None:
        if self.take("*"):
            return 0, None
        if self.take("+"):
            return 1, None
        if self.take("?"):
            return 0, 1
        braces = re.compile(r"\{([0-9]+)(,([0-9]*))?\}").match(self.source, self.at)
        if braces is None:
            return None
        self.at = braces.end()
        least = int(braces[1])
        if braces[2] is None:
            return least, least
        return least, int(braces[3]) if braces[3] else None

    def atom(self) -> Node:  # noqa: PLR0911 - one return for each kind of atom
        if self.source[self.at] in "*+?":
            raise RegexRefused("Nothing to repeat")
        if self.source[self.at] == "{" and self.quantifier() is not None:
            raise RegexRefused("Nothing to repeat")
        character = self.next()
        if character == "^":
            return Assertion("^")
        if character == "$":
            return Assertion(r"\Z")  # JavaScript's $ is the very end; Python's allows a line feed after it
        if character == ".":
            return Characters(DOT, r"[^\n\r\u2028\u2029]")
        if character == "(":
            return self.group()
        if character == "[":
            return self.character_class()
        if character == "\\":
            return self.escape()
        return literal(character)

    def group(self) -> Node:
        number: int | None = None
        for opening in ("(?=", "(?!", "(?<=", "(?<!"):
            if self.take(opening[1:]):
                body = self.choice()
                self.expect_close()
                return Look(opening, body)
        if not self.take("?:"):
            self.groups += 1
            number = self.groups
            if self.take("?"):
                self.name_group(number)
        body = self.choice()
        self.expect_close()
        if number is not None:
            self.closed.add(number)
        return Group(number, body)

    def name_group(self, number: int) -> None:
        name = re.compile(r"<([A-Za-z_$][\w$]*)>").match(self.source, self.at)
        if name is None:
            raise RegexRefused("Invalid group")
        if name[1] in self.names:
            raise RegexRefused("Duplicate capture group name")
        self.names[name[1]] = number
        self.at = name.end()

    def escape(self) -> Node:
        character = self.next("\\ at end of pattern")
        if character in "bB":
            return Assertion("\\" + character)
        if character in "dDwWsS":
            return class_escape(character)
        if character == "k" and self.has_names:
            return self.named_reference()
        if character in "123456789":
            return self.decimal_escape(character)
        if character in "pP" and self.peek("{"):
            raise RegexRefused("Unicode property escapes are not supported")
        return literal(self.character_escape(character))

    def named_reference(self) -> Node:
        name = re.compile(r"<([^>]*)>").match(self.source, self.at)
        if name is None or name[1] not in self.names:
            raise RegexRefused("Invalid named reference")
        self.at = name.end()
        return self.reference(self.names[name[1]])

    def decimal_escape(self, first: str) -> Node:
        digits = re.compile(r"[0-9]*").match(self.source, self.at)
        number = int(first + (digits[0] if digits else ""))
        if number > self.all_groups:
            raise RegexRefused(f"\\{number} refers to a group that does not exist")
        self.at += len(str(number)) - 1
        return self.reference(number)

    def reference(self, number: int) -> Node:
        if number not in self.closed:
            raise RegexRefused(f"\\{number} refers to a group that is not complete at this place")
        return BackReference(number)

    def character_escape(self, character: str) -> str:
        if character in CONTROLS:
            return CONTROLS[character]
        if character == "c":
            if not re.compile("[A-Za-z]").match(self.source, self.at):
                raise RegexRefused(r"\c needs a letter")  # to JavaScript, two characters: a backslash and c
            return chr(ord(self.next()) % 32)
        if character == "0":
            if re.compile("[0-9]").match(self.source, self.at):
                raise RegexRefused("Octal escapes are not supported")
            return "\0"
        for letter, digits in (("x", 2), ("u", 4)):
            number = re.compile(f"[0-9A-Fa-f]{{{digits}}}").match(self.source, self.at)
            if character == letter and number:
                self.at = number.end()
                if number[0][:2].lower() in SURROGATES and letter == "u":
                    raise RegexRefused("Halves of characters are not supported")
                return chr(int(number[0], 16))
        return character  # identity escape: \/ is /, and so is \a an a

    def character_class(self) -> Node:
        negated = self.take("^")
        mask, parts = 0, ""
        while not self.take("]"):
            low = self.class_atom()
            if self.peek("-") and not self.peek("-]"):
                self.next()
                high = self.class_atom()
                item = character_range(low, high)
            else:
                item = low if isinstance(low, Characters) else literal_in_class(low)
            mask, parts = mask | item.mask, parts + item.source
        if not parts:
            return Characters(ALL, r"[\s\S]") if negated else Characters(0, "(?!)")
        return Characters(ALL & ~mask, f"[^{parts}]") if negated else Characters(mask, f"[{parts}]")

    def class_atom(self) -> Characters | str:
        character = self.next("Unterminated character class")
        if character != "\\":
            return character
        character = self.next("\\ at end of pattern")
        if character in "dDwWsS":
            return class_escape(character, in_class=True)
        if character == "b":
            return "\b"
        if character in "123456789":
            raise RegexRefused("Octal escapes are not supported")
        return self.character_escape(character)

    def next(self, at_end: str = "Unterminated group") -> str:
        if self.at >= len(self.source):
            raise RegexRefused(at_end)
        self.at += 1
        return self.source[self.at - 1]

    def peek(self, text: str) -> bool:
        return self.source.startswith(text, self.at)

    def take(self, text: str) -> bool:
        if not self.source.startswith(text, self.at):
            return False
        self.at += len(text)
        return True

    def expect_close(self) -> None:
        if not self.take(")"):
            raise RegexRefused("Unterminated group")


def _count_groups(source: str) -> int:
    plain = re.sub(r"\\.", "", source, flags=re.DOTALL)
    plain = re.sub(r"\[[^\]]*\]", "", plain)
    return len(re.findall(r"\((?!\?)|\(\?<(?![=!])", plain))
