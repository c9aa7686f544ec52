"""A body's producer that is a task: it waits while its consumer cannot take more, and ends when that is gone."""

from __future__ import annotations

import asyncio


class TaskSource:
    """What a body asks of the task that feeds it; the task calls `give_way` after each piece."""

    __slots__ = ("_flowing", "task")

    def __init__(self) -> None:
        self._flowing = asyncio.Event()
        self._flowing.set()
        self.task: asyncio.Task[None] | None = None

    def wanted(self) -> None:
        """Somebody reads the body."""

    def pause_reading(self) -> None:
        self._flowing.clear()

    def resume_reading(self) -> None:
        self._flowing.set()

    def abandon(self) -> None:
        if self.task is not None:
            self.task.cancel()

    async def give_way(self) -> None:
        """Wait until more can be taken; pieces that need no waiting must not keep others from their turns."""
        await asyncio.sleep(0)
        await self._flowing.wait()
