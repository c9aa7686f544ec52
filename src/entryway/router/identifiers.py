"""Names for requests, cheap and unlikely to meet again; they protect nothing."""

from __future__ import annotations

import os
import random
from itertools import count

from entryway.http import Headers

_chance = random.Random()  # noqa: S311 - names, not secrets; seeded by the system
_bits = _chance.getrandbits
_CORRELATING = (b"x-correlationid", b"x-correlation-id", b"x-request-id", b"x-vcap-request-id")


def request_id_of(headers: Headers) -> bytes:
    """Return the request's name as the caller or the platform in front gave it, or a new one."""
    return headers.get(b"x-request-id") or headers.get(b"x-vcap-request-id") or new_request_id().encode()


def new_request_id() -> str:
    """Return a short name for a request."""
    return _chance.randbytes(8).hex()


def correlation_id(headers: Headers) -> bytes:
    """Return the name under which a request is followed from program to program: the caller's, or a new one."""
    given = dict(headers.raw)
    for name in _CORRELATING:
        if value := given.get(name):
            return value
    return new_uuid().encode()


def new_uuid() -> str:
    """Return a UUID (version 4) as text: what chance said when the process began, and a number from there on."""
    return f"{_series}{next(_number) & 0xFFFFFFFFFFFF:012x}"


def _begin_series() -> None:
    global _series, _number  # noqa: PLW0603 - one series for each process
    _chance.seed()
    digits = f"{_bits(80):020x}"
    _series = f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-"
    _number = count(_bits(48))


_series = ""
_number = count()
_begin_series()
# Workers are forks: without this they would all give the same names.
os.register_at_fork(after_in_child=_begin_series)
