"""Heads that come again and again are parsed once: the same bytes mean the same, so what they mean is remembered.

A client on a kept connection sends its header block byte for byte with every request, and a backend most of its
response's head. What is kept here is *syntax* that llhttp (strict) and our own rules accepted when it came first:
names and values. Whether somebody is logged in or may do something is asked anew for every request.

- The key is every byte that means something, never a part of it, and nothing that frames a body is remembered.
- What comes once leaves a number behind and no bytes; what is remembered is few, short and soon forgotten, because it
  holds cookies and tokens.
- Limits are no part of it: whoever uses a memory holds what it finds to the limits of that moment.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from entryway.http.headers import RawHeader

LONGEST: Final = 6 * 1024
"""Longer heads are rare, and would fill the memory."""
MOST: Final = 1500
MOST_SEEN: Final = 15_000
SECONDS: Final = 10.0
"""So long a head is remembered at most."""


class KnownHead:
    """What a head means. It is shared by all messages that have it: only read it."""

    __slots__ = ("derived", "first", "headers", "kept", "length", "status")

    def __init__(self, headers: list[RawHeader], status: int = 0, length: int = 0) -> None:
        self.headers = headers
        self.first = {} if status else dict(reversed(headers))
        """The first value of each name, in requests."""
        self.kept = False
        """Whether others may have it, too."""
        self.status = status
        self.length = length
        """How long the body of a response is."""
        self.derived: dict[str, Any] = {}
        """What else follows from these bytes, as others found out; it is forgotten together with them."""


class HeadMemory:
    """The heads of one kind of message that were seen more than once lately."""

    __slots__ = ("_known", "_seen", "_since")

    def __init__(self) -> None:
        self._known: dict[bytes, KnownHead] = {}
        self._seen: set[int] = set()
        self._since = 0.0

    def find(self, head: bytes) -> KnownHead | None:
        """Return what these bytes mean, if that is known."""
        return self._known.get(head)

    def comes_again(self, head: bytes) -> bool:
        """Tell whether it came before, so that it is worth remembering."""
        if len(head) > LONGEST:
            return False
        number = hash(head)
        if number in self._seen:
            return True
        if len(self._seen) >= MOST_SEEN:
            self._seen.clear()
        self._seen.add(number)
        return False

    def remember(self, head: bytes, known: KnownHead) -> None:
        if len(self._known) >= MOST:
            self._known.clear()
        known.kept = True
        self._known[head] = known

    def age(self) -> None:
        """Forget what has been here for a while; called now and then."""
        now = time.monotonic()
        if now - self._since >= SECONDS:
            self._since = now
            self._known.clear()
            self._seen.clear()


REQUESTS: Final = HeadMemory()
"""Header blocks of requests: everything behind the request line."""
RESPONSES: Final = HeadMemory()
"""Whole heads of responses."""
