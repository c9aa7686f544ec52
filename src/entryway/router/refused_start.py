"""What a person is told whose router does not start."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from entryway.config.mistakes import Mistake
from entryway.router.configuration import line_of

PREFIX = "VError: "
"""What stands before each mistake, as those who watch logs of such routers expect."""


def tell_mistakes(mistakes: Sequence[Mistake]) -> None:
    """Name every mistake on standard error."""
    for mistake in mistakes:
        print(f"{PREFIX}{line_of(mistake)}", file=sys.stderr)  # noqa: T201 - for the person who starts it
