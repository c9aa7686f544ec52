"""What the authors of an expression that is refused mostly want, and how it is written."""

from __future__ import annotations

import re

from entryway.config.js_regex_characters import RegexRefused

_BY_SOURCE = (
    (r"\(\?[a-z]+\)", 'there are no flags inside; for upper and lower case alike: {"path": "…", "matchCase": false}'),
    (r"\(\?P", "JavaScript names a group with (?<name>…), and refers to it with \\k<name>"),
    (r"\*\*|\A\*", "* repeats what stands before it: write .* for anything"),
    (r"\\[pP]\{", "list the characters that are meant; letters beyond ASCII are percent-encoded in addresses"),
)
_BY_REASON = {
    "exponentially": "repeat once, or put a character between the rounds that is in none: ([a-z]+/)*",
    "linear time": "begin with ^, and let parts that repeat read different characters: ^/([^/]*)/(.*)$",
}


def hint(source: str, refused: RegexRefused) -> str:
    """Return what to write instead, or nothing if that is not known."""
    by_source = (text for pattern, text in _BY_SOURCE if re.search(pattern, source))
    return next(by_source, next((text for word, text in _BY_REASON.items() if word in str(refused)), ""))
