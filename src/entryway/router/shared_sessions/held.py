"""The copies of sessions that one process holds, and what other routers' changes mean for them."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from entryway.router.sessions import MOST_ANONYMOUS
from entryway.router.shared_sessions import scripts
from entryway.router.shared_sessions.changes import Changes
from entryway.router.shared_sessions.copies import Copy


@dataclass(slots=True, eq=False)
class Held:
    """All copies of one process."""

    by_cookie: OrderedDict[bytes, Copy] = field(default_factory=OrderedDict)
    """By the name in the cookie, in the order of their last use."""
    unwritten: dict[bytes, Copy] = field(default_factory=dict)
    """Those that changed while the store could not be told, by key."""
    used: dict[bytes, Copy] = field(default_factory=dict)
    """Those whose life in the store is to be prolonged, by key."""
    _by_name: dict[bytes, Copy] = field(default_factory=dict)
    """By the name in the stream of changes."""
    _anonymous: OrderedDict[bytes, None] = field(default_factory=OrderedDict)

    def get(self, name: bytes) -> Copy | None:
        return self.by_cookie.get(name)

    def keep(self, copy: Copy) -> Copy | None:
        """Hold a copy, and return the one that has to go for it, if there are too many without a user."""
        name = copy.session.name.encode()
        self.by_cookie[name] = self._by_name[copy.name] = copy
        if copy.session.login is None:
            self._anonymous[name] = None
            if len(self._anonymous) > MOST_ANONYMOUS:
                return self.by_cookie[next(iter(self._anonymous))]
        return None

    def forget(self, copy: Copy) -> None:
        """Let go of a copy whose session has ended."""
        copy.session.ended = True
        name = copy.session.name.encode()
        if self.by_cookie.get(name) is copy:
            del self.by_cookie[name]
            self._by_name.pop(copy.name, None)
            self._anonymous.pop(name, None)
        self.unwritten.pop(copy.key, None)
        self.used.pop(copy.key, None)

    def on_change(self, name: bytes, version: int) -> None:
        """Take note of what some router did to a session."""
        copy = self._by_name.get(name)
        if copy is None:
            return
        if version == scripts.ENDED:
            self.forget(copy)
        elif version > copy.version:
            copy.stale = True

    def on_gap(self, changes: Changes) -> None:
        """Doubt every copy whose changes may have been missed."""
        for copy in self.by_cookie.values():
            if copy.changes is changes:
                copy.stale = True
