"""A mistake in a file that people write: where it is, which rule it breaks, and what would be right.

Readers of configuration collect every mistake of a file before they give up, so that one run names them all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from entryway.errors import ConfigurationError

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Mistake:
    """One broken rule in one place; `path` is a JSON pointer (RFC 6901) inside the file."""

    file: str
    path: str
    rule: str
    suggestion: str = ""
    severity: Severity = "error"

    def __str__(self) -> str:
        text = f"{self.file}{self.path and '#'}{self.path}: {self.rule}"
        return f"{text} ({self.suggestion})" if self.suggestion else text


def twice(file: str, key: str) -> Mistake:
    """Say that an object has a key twice, where readers of such files agree that the last one counts."""
    rule = f'the key "{key}" is written twice in one object: the last one counts'
    return Mistake(file, "", rule, "keep one of them", "warning")


class ConfigurationMistakes(ConfigurationError):
    """Every mistake found in the configuration files, at once."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        super().__init__("\n".join(str(mistake) for mistake in mistakes))
        self.mistakes = tuple(mistakes)
