"""The keys of the authorization server: what is known of them, and when to ask again.

No network here: `KeyCache` says what to do, the validator does it. Anybody can send us tokens with made-up tenants and
key ids, so that what they can make us do is bounded: one question for each tenant at a time, and none too soon again.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from entryway.security.errors import KeysUnavailable, TokenInvalid

FRESH = 900.0
# While the server does not answer, keys are believed this long, and no longer: one of them may have been withdrawn.
USABLE = 1800.0
# Between two questions for a key that was not there last time.
UNKNOWN_KEY_PAUSE = 10.0
FAILURE_PAUSE = 2.0
ZONES = 100
# How many tenants that we know nothing of we ask for within a window of so many seconds.
NEW_ZONES = 50
NEW_ZONES_WINDOW = 10.0


@dataclass(frozen=True, slots=True)
class KeySet:
    """The keys of one tenant; `fetched` is a moment on the validator's clock."""

    keys: Mapping[str, Any]
    fetched: float


@dataclass(slots=True)
class KeyCache:
    """Remembers keys by tenant and key id; safe to use from several threads."""

    _sets: OrderedDict[str, KeySet] = field(default_factory=OrderedDict)
    # Apart from the sets, so that made-up tenants cannot push out real ones.
    _empty: OrderedDict[str, float] = field(default_factory=OrderedDict)
    _failures: OrderedDict[str, float] = field(default_factory=OrderedDict)
    _window: float = 0.0
    _asked: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def find(self, zid: str, kid: str, now: float) -> Any | None:
        """Return the key, or None if the server must be asked; raise if asking would be of no use."""
        with self._lock:
            known = self._sets.get(zid)
            age = now - known.fetched if known else USABLE
            key = known.keys.get(kid) if known else None
            if key is not None and age < FRESH:
                self._sets.move_to_end(zid)
                return key
            if now - self._failures.get(zid, -FAILURE_PAUSE) < FAILURE_PAUSE:
                if key is not None and age < USABLE:
                    return key
                raise KeysUnavailable("the last question for the keys failed a moment ago")
            asked = known.fetched if known else self._empty.get(zid, now - UNKNOWN_KEY_PAUSE)
            if key is None and now - asked < UNKNOWN_KEY_PAUSE:
                raise TokenInvalid("unknown_key", repr(kid[:100]))
            if known is None:
                self._count_new_zone(zid, now)
            return None

    def fetched(self, zid: str, keys: Mapping[str, Any], now: float) -> None:
        """Remember what the server answered."""
        with self._lock:
            self._failures.pop(zid, None)
            if keys:
                self._empty.pop(zid, None)
                self._sets[zid] = KeySet(keys, now)
                _shorten(self._sets, zid)
            else:
                self._sets.pop(zid, None)
                self._empty[zid] = now
                _shorten(self._empty, zid)

    def failed(self, zid: str, now: float) -> None:
        """Remember that the server did not answer."""
        with self._lock:
            self._failures[zid] = now
            _shorten(self._failures, zid)

    def _count_new_zone(self, zid: str, now: float) -> None:
        if now - self._window >= NEW_ZONES_WINDOW:
            self._window, self._asked = now, set()
        # Many requests of one tenant, just after the start, are one question.
        if zid not in self._asked and len(self._asked) >= NEW_ZONES:
            raise KeysUnavailable("too many tenants that are not known, in a short time")
        self._asked.add(zid)


def _shorten(entries: OrderedDict[str, Any], newest: str) -> None:
    entries.move_to_end(newest)
    while len(entries) > ZONES:
        entries.popitem(last=False)
