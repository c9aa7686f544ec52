"""One question at a time about one thing, among threads and among the tasks of an event loop."""

from __future__ import annotations

import threading
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    import asyncio

# Things share this many locks, for their number is not ours to choose; few enough to make, enough to meet seldom.
LOCKS = 256


@dataclass(slots=True)
class Flights:
    """Locks by what is asked about: whoever gets one looks again whether somebody else has asked meanwhile."""

    _of_threads: tuple[threading.Lock, ...] = field(
        default_factory=lambda: tuple(threading.Lock() for _ in range(LOCKS))
    )
    _of_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, tuple[asyncio.Lock, ...]] = field(
        default_factory=WeakKeyDictionary
    )
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def of_threads(self, about: Hashable) -> threading.Lock:
        """Return the lock for callers that wait."""
        return self._of_threads[hash(about) % LOCKS]

    def of_tasks(self, about: Hashable) -> asyncio.Lock:
        """Return the lock for tasks of the running event loop."""
        import asyncio  # noqa: PLC0415 - an application without an event loop need not import it

        loop = asyncio.get_running_loop()
        with self._guard:
            locks = self._of_loops.get(loop)
            if locks is None:
                locks = self._of_loops[loop] = tuple(asyncio.Lock() for _ in range(LOCKS))
        return locks[hash(about) % LOCKS]
