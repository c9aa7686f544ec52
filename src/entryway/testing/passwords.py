"""Hashers of passwords for tests, which are real but cheap: hundreds of tests log in."""

from __future__ import annotations

from typing import Literal

from argon2 import Parameters, PasswordHasher, extract_parameters

CHEAP = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1)


class NotingHasher(PasswordHasher):
    """Notes what each check cost, for a machine's clock cannot be trusted to tell."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=1024, parallelism=1)
        self.checked: list[Parameters] = []

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002 - the library's name
        """Check as any hasher does."""
        self.checked.append(extract_parameters(hash if isinstance(hash, str) else hash.decode()))
        return super().verify(hash, password)
