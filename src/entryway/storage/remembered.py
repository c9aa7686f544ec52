"""What was read, kept in memory for as long as nothing of it has changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from entryway.storage.changes import Changes, Revision

K = TypeVar("K")
V = TypeVar("V")


class Remembered(Generic[K, V]):
    """Values of tenants, each under a key of its own; the oldest goes when there are too many."""

    def __init__(self, changes: Changes, subjects: tuple[str, ...], most: int) -> None:
        """`subjects` are those of the tenant on which the values depend."""
        self._changes = changes
        self._subjects = subjects
        self._most = most
        # With the reading at which each was last seen to hold, and the revision for which it does.
        self._known: dict[tuple[str, K], tuple[int, Revision, V]] = {}

    async def get(self, zid: str, key: K, load: Callable[[str, K], Awaitable[V | None]]) -> V | None:
        """Return what `load(zid, key)` returned or returns; that there is nothing is not remembered."""
        # Asked before anything is read, so that what changes meanwhile makes it outdated.
        reading = self._changes.last(zid)
        while reading is None:
            await self._changes.read(zid)
            reading = self._changes.last(zid)
        known = self._known.get((zid, key))
        if known is not None and known[0] == reading.number:
            return known[2]
        revision = self._changes.revision(zid, reading, self._subjects)
        value = known[2] if known is not None and known[1] == revision else await load(zid, key)
        if value is not None:
            self._known[zid, key] = (reading.number, revision, value)
            if len(self._known) > self._most:
                del self._known[next(iter(self._known))]
        return value

    def last(self, zid: str, key: K) -> V | None:
        """Return what was known last, whether or not it still holds."""
        known = self._known.get((zid, key))
        return known[2] if known else None
