"""How one process reaches the store: what it asks, what it follows meanwhile, and what it does besides requests."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

from entryway.config.external_sessions import SessionStoreSettings
from entryway.router.shared_sessions.changes import WAIT_MS, Changes, Follower
from entryway.router.shared_sessions.keys import PREFIX
from entryway.router.shared_sessions.link import Link, StoreUnreachable
from entryway.router.shared_sessions.scripts import Script


@dataclass(slots=True, eq=False)
class Reach:
    """The store as one process reaches it; it is followed from the first question on."""

    settings: SessionStoreSettings
    link: Link
    ticks: Callable[[], float]
    on_change: Callable[[bytes, int], None]
    on_gap: Callable[[Changes], None]
    on_return: Callable[[Changes], Awaitable[None]]
    changes: list[Changes] = field(init=False)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _followers: dict[Follower, asyncio.Task[None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.changes = [Changes(PREFIX + b"{%d}:changes" % number) for number in range(self.link.streams)]

    def follow(self) -> None:
        """Begin to follow what other routers do, if that has not begun."""
        if self._followers:
            return
        for changes in self.changes:
            follower = Follower(
                self.link, changes, self.ticks, self.settings.wait_step, self.settings.longest_wait,
                self.on_change, self.on_gap, self.on_return,
            )  # fmt: skip
            self._followers[follower] = self.spawn(follower.follow())

    async def stop(self) -> None:
        """Follow no longer, and end what is done besides requests."""
        for follower in self._followers:
            follower.stopping = True
        # A reading ends by itself in a moment; cancelled, its connection would be slow to close.
        if self._followers:
            await asyncio.wait(self._followers.values(), timeout=2 * WAIT_MS / 1000)
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def run(
        self, changes: Changes | None, script: Script, keys: Sequence[bytes], arguments: Sequence[object]
    ) -> Any:
        """Run a script in the store, or raise StoreUnreachable."""
        self.follow()
        # The follower knows that the store is away; nobody else need wait to find out.
        if (changes or self.changes[0]).up is False:
            raise StoreUnreachable("the store is not there")
        return await self.link.run(script, keys, arguments)

    def place(self, name: bytes) -> tuple[bytes, Changes]:
        """Return the key of a session, and the stream that tells of its changes."""
        number = zlib.crc32(name) % len(self.changes)
        return PREFIX + b"{%d}:s:%b" % (number, name), self.changes[number]

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Do something that no request waits for."""
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task
