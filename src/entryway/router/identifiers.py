"""Names for requests, cheap and unlikely to meet again; they protect nothing."""

from __future__ import annotations

import os
import random
from itertools import count

_chance = random.Random()  # noqa: S311 - names, not secrets; seeded by the system
_bits = _chance.getrandbits


def new_request_id() -> str:
    """Return a short name for a request."""
    return _chance.randbytes(8).hex()


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
