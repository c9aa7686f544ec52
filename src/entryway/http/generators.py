"""Bodies and asynchronous generators: a body read as one, and a body drawn from one.

It is a module of its own because asynchronous generators cannot be compiled.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

from entryway.http.task_source import TaskSource

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


class Generated(TaskSource):
    """Feeds a body from an asynchronous iterable, in a task that ends with the body."""

    __slots__ = ("_chunks", "body")

    def __init__(self, chunks: AsyncIterable[bytes]) -> None:
        super().__init__()
        self._chunks = chunks
        self.body: Body

    def wanted(self) -> None:
        if self.task is None:
            self.task = asyncio.get_running_loop().create_task(self._feed())

    async def _feed(self) -> None:
        chunks = aiter(self._chunks)
        try:
            async for chunk in chunks:
                if chunk:
                    self.body.feed(chunk)
                    await self.give_way()
        except Exception as error:  # noqa: BLE001 whatever the generator raises, its consumer must hear of it
            self.body.fail(error)
        else:
            self.body.end()
        finally:
            if isinstance(chunks, AsyncGenerator):
                await chunks.aclose()
