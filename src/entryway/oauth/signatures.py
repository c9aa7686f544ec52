"""Signatures of tokens, made in a row for all requests that want one in the same step of the loop.

A signature takes twice as long as all else that a token request costs, and leaves the processor's caches cold for it.
With the signatures in a row, what comes before and after them also runs in a row, and warm.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from entryway.http.arrival import Arrival

if TYPE_CHECKING:
    from entryway.oauth.keys import SigningKey

# About four milliseconds, in which the process does nothing else.
MOST_IN_A_ROW = 16


class Signatures:
    """Makes the signatures of one process."""

    def __init__(self) -> None:
        self._wanted: deque[tuple[Arrival[bytes], SigningKey, bytes]] = deque()

    async def of(self, content: bytes, key: SigningKey) -> bytes:
        """Return the signature of `content` by `key`."""
        loop = asyncio.get_running_loop()
        signature: Arrival[bytes] = Arrival(loop)
        self._wanted.append((signature, key, content))
        if len(self._wanted) == 1:
            loop.call_soon(self._make, loop)
        return await signature

    def _make(self, loop: asyncio.AbstractEventLoop) -> None:
        wanted = [self._wanted.popleft() for _ in range(min(len(self._wanted), MOST_IN_A_ROW))]
        if self._wanted:
            loop.call_soon(self._make, loop)
        made: list[tuple[Arrival[bytes], bytes | Exception]] = []
        for signature, key, content in wanted:
            if signature.done():  # cancelled: its client has gone
                continue
            try:
                made.append((signature, key.sign(content)))
            except Exception as error:  # noqa: BLE001 - whoever waits for it raises it
                made.append((signature, error))
        for signature, result in made:
            if isinstance(result, bytes):
                signature.arrive(result)
            else:
                signature.disappoint(result)
