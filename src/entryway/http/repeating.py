"""Which requests may be sent once more, and when that is of use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from entryway.errors import UpstreamError
from entryway.http.body import EMPTY

if TYPE_CHECKING:
    from entryway.http.messages import OutgoingRequest

_IDEMPOTENT: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})


class NoAnswer(UpstreamError):
    """The connection ended before a byte of the answer, and asking once more can do no harm."""


def repeatable(request: OutgoingRequest) -> bool:
    """Tell whether sending it twice does what sending it once does (RFC 9110 §9.2.2), and whether that is possible."""
    return request.method in _IDEMPOTENT and (request.body is EMPTY or not request.body)
