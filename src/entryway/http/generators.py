"""Bodies and asynchronous generators: a body read as one, and a body drawn from one.

It is a module of its own because asynchronous generators cannot be compiled.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator

    from entryway.http.body import Body


async def pieces(body: Body) -> AsyncIterator[bytes]:
    """Yield a body as it arrives."""
    while True:
        if data := body.take():
            body.resume()
            yield data
        elif body.error is not None:
            raise body.error
        elif body.complete:
            return
        else:
            await body.more()


class Generated:
    """Feeds a body from an asynchronous iterable, in a task that ends with the body."""

    __slots__ = ("_chunks", "_flowing", "_task", "body")

    def __init__(self, chunks: AsyncIterable[bytes]) -> None:
        self._chunks = chunks
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._task: asyncio.Task[None] | None = None
        self.body: Body

    def wanted(self) -> None:
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._feed())

    def pause_reading(self) -> None:
        self._flowing.clear()

    def resume_reading(self) -> None:
        self._flowing.set()

    def abandon(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _feed(self) -> None:
        chunks = aiter(self._chunks)
        try:
            async for chunk in chunks:
                if chunk:
                    self.body.feed(chunk)
                    # Chunks that need no waiting must not keep the loop from noticing that the consumer is gone.
                    await asyncio.sleep(0)
                    await self._flowing.wait()
        except Exception as error:  # noqa: BLE001 whatever the generator raises, its consumer must hear of it
            self.body.fail(error)
        else:
            self.body.end()
        finally:
            if isinstance(chunks, AsyncGenerator):
                await chunks.aclose()
