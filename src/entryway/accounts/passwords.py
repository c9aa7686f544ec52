"""Passwords: Argon2id in a thread, a few at a time, and the same time for users that do not exist."""

from __future__ import annotations

import asyncio
import os
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import ARGON2_VERSION

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST = 1024
# Each hash takes 64 MiB for a moment; a flood of logins must not take all memory.
AT_ONCE = 2

_Result = TypeVar("_Result")


class Passwords:
    """Makes and checks password hashes."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        """Hash as `hasher` does; with the cost that the library recommends, unless a test says otherwise."""
        self._hasher = hasher or PasswordHasher()
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="password")
        self._nobody = hash_of_nobody(self._hasher)

    async def hash(self, password: str) -> str:
        """Return what to store for a password."""
        return await self._run(lambda: self._hasher.hash(password))

    async def verify(self, password: str, stored: str | None) -> bool:
        """Say whether `password` is the one that was stored; None (nobody) costs the same time and is never right."""
        right = await self._run(lambda: self._matches(password, stored or self._nobody))
        return right and stored is not None

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False)

    def _matches(self, password: str, stored: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _run(self, work: Callable[[], _Result]) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


def hash_of_nobody(hasher: PasswordHasher) -> str:
    """Return a hash that costs as much to check as any; chance alone made it, for hashing would delay each start."""
    cost = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    salt, digest = (b64encode(os.urandom(size)).rstrip(b"=").decode() for size in (hasher.salt_len, hasher.hash_len))
    return f"$argon2{hasher.type.name.lower()}$v={ARGON2_VERSION}${cost}${salt}${digest}"
