"""Puts the store of shared sessions together."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from entryway.config.external_sessions import SessionStoreSettings
from entryway.router.sessions import SessionMaker
from entryway.router.shared_sessions.keys import derive_shared_keys
from entryway.router.shared_sessions.link import open_link
from entryway.router.shared_sessions.store import SharedSessions


def open_shared(
    settings: SessionStoreSettings, environ: Mapping[str, str], timeout: float, clock: Callable[[], float]
) -> SharedSessions:
    """Return the store; it connects when it is asked for the first time."""
    keys = derive_shared_keys(settings.secret)
    return SharedSessions(settings, open_link(settings, environ), keys, SessionMaker(keys.cookie), timeout, clock)
