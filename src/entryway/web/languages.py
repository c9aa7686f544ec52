"""Which language a page speaks (RFC 9110 §12.5.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

LONGEST_HEADER = 500


def choose(accept_language: str | None, offered: Sequence[str]) -> str:
    """Return the offered language that a browser likes best; the first one if it likes none of them."""
    liked: list[tuple[float, str]] = []
    for part in (accept_language or "")[:LONGEST_HEADER].split(","):
        tag, _, parameters = part.strip().partition(";")
        quality = _quality(parameters)
        primary = tag.partition("-")[0].strip().lower()
        if primary in offered and quality > 0:
            liked.append((quality, primary))
    # max() keeps the first of equals, as the browser listed them.
    return max(liked, key=lambda each: each[0])[1] if liked else offered[0]


def first(tags: str, offered: Sequence[str]) -> str | None:
    """Return the first offered language of a list like `ui_locales` (OpenID Connect Core §3.1.2.1), if there is one."""
    primaries = (tag.partition("-")[0].lower() for tag in tags[:LONGEST_HEADER].split())
    return next((primary for primary in primaries if primary in offered), None)


def _quality(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        quality = float(value)
    except ValueError:
        return 0.0
    return quality if 0 <= quality <= 1 else 0.0
