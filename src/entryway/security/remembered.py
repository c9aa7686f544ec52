"""Tokens that were found good, so that the next request with the same one costs next to nothing."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Generic, TypeVar

REMEMBERED = 1000
# A withdrawn key must not be believed much longer than the keys themselves are kept.
REMEMBER_SECONDS = 600.0

Context = TypeVar("Context")


@dataclass(slots=True)
class Remembered(Generic[Context]):
    """Contexts by the whole text of their token, its signature included: least recently used ones go first."""

    size: int = REMEMBERED
    _entries: OrderedDict[str, tuple[Context, float]] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def find(self, token: str, now: float) -> Context | None:
        """Return what was found of it, if that was not long ago."""
        with self._lock:
            entry = self._entries.get(token)
            if entry is None:
                return None
            context, until = entry
            if now >= until:
                del self._entries[token]
                return None
            self._entries.move_to_end(token)
            return context

    def add(self, token: str, context: Context, expires: float, now: float) -> None:
        """Remember a context until its token ends, but not for long."""
        with self._lock:
            self._entries[token] = (context, min(expires, now + REMEMBER_SECONDS))
            while len(self._entries) > self.size:
                self._entries.popitem(last=False)
