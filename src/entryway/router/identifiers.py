"""Names for requests, cheap and unlikely to meet again; they protect nothing.

Drawing and writing digits costs more than the rest of a name, so many are drawn at once and then cut off.
"""

from __future__ import annotations

import os
import random
from typing import Final

from entryway.http import Headers

_CORRELATING: Final = (b"x-correlationid", b"x-correlation-id", b"x-request-id", b"x-vcap-request-id")
_NAMING: Final = (b"x-request-id", b"x-vcap-request-id")

DRAWN: Final = 1024
"""So many hexadecimal digits are drawn at once."""


class Digits:
    """A supply of hexadecimal digits that no other name gets."""

    __slots__ = ("_chance", "_digits", "_place", "series")

    def __init__(self) -> None:
        self._chance = random.Random()  # noqa: S311 - names, not secrets; seeded by the system
        self._digits = ""
        self._place = 0
        self.series = ""
        """How the UUIDs begin that are made until digits are drawn again."""
        self._draw()

    def take(self, count: int) -> str:
        """Return digits that were not returned before."""
        start = self._place
        if start + count > DRAWN:
            self._draw()
            start = 0
        self._place = start + count
        return self._digits[start : start + count]

    def renew(self) -> None:
        """Forget what was drawn: another process may have drawn the same."""
        self._chance.seed()
        self._draw()

    def _draw(self) -> None:
        drawn = self._chance.randbytes(DRAWN // 2 + 10).hex()
        self.series = f"{drawn[:8]}-{drawn[8:12]}-4{drawn[13:16]}-a{drawn[17:20]}-"
        self._digits = drawn[20:]
        self._place = 0


_supply: Final = Digits()
# Workers are forks: without this they would all give the same names.
os.register_at_fork(after_in_child=_supply.renew)


def request_id_of(headers: Headers) -> bytes:
    """Return the request's name as the caller or the platform in front gave it, or a new one."""
    return _given(headers, _NAMING, "request id") or new_request_id().encode()


def new_request_id() -> str:
    """Return a short name for a request."""
    return _supply.take(16)


def correlation_id(headers: Headers) -> bytes:
    """Return the name under which a request is followed from program to program: the caller's, or a new one."""
    return _given(headers, _CORRELATING, "correlation") or new_uuid().encode()


def _given(headers: Headers, names: tuple[bytes, ...], kind: str) -> bytes:
    """Return the first name that the caller gives, or nothing; headers that came before are not searched again."""
    known = headers.known
    if known is None:
        return _first(headers, names)
    given: bytes | None = known.derived.get(kind)
    if given is None:
        given = known.derived[kind] = _first(headers, names)
    return given


def _first(headers: Headers, names: tuple[bytes, ...]) -> bytes:
    for name in names:
        if value := headers.get(name):
            return value
    return b""


def new_uuid() -> str:
    """Return a UUID (version 4) as text."""
    digits = _supply.take(12)
    return _supply.series + digits
