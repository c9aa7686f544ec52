"""Chooses where sessions are kept: in this process, or in a store that several routers share."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable

from entryway.config.environment_cookies import SESSION_COOKIE
from entryway.router.configuration import RouterConfiguration
from entryway.router.memory_sessions import MemorySessions
from entryway.router.service_sessions import ServiceRecords
from entryway.router.sessions import SessionMaker, SessionStore


def service_records(
    configuration: RouterConfiguration, sessions: SessionStore, clock: Callable[[], float]
) -> ServiceRecords | None:
    """Return where sessions of calling services are kept: with the shared ones, or nowhere."""
    if configuration.session_store is None:
        return None
    from entryway.router.shared_sessions.service_records import StoredServiceSessions  # noqa: PLC0415
    from entryway.router.shared_sessions.store import SharedSessions  # noqa: PLC0415

    if not isinstance(sessions, SharedSessions):
        return None
    return StoredServiceSessions(sessions.reach, sessions.keys, clock, os.urandom)


def store_check(sessions: SessionStore) -> Callable[[], Awaitable[bool]] | None:
    """Return what tells whether the store answers; None for sessions in this process."""
    if isinstance(sessions, MemorySessions):
        return None
    from entryway.router.shared_sessions.store import SharedSessions  # noqa: PLC0415

    return sessions.answers if isinstance(sessions, SharedSessions) else None


def open_sessions(
    configuration: RouterConfiguration,
    timeout: float,
    clock: Callable[[], float],
    former: tuple[SessionStore, SessionMaker] | None = None,
) -> tuple[SessionStore, SessionMaker]:
    """Return the store and what makes sessions for it: the former ones, if the configuration keeps them there."""
    settings = configuration.session_store
    if settings is None:
        if former is not None and isinstance(former[0], MemorySessions):
            return former
        return MemorySessions(timeout, clock), SessionMaker(os.urandom(32))
    # Only routers that share sessions pay for what that needs.
    from entryway.router.shared_sessions.build import open_shared  # noqa: PLC0415
    from entryway.router.shared_sessions.store import SharedSessions  # noqa: PLC0415

    if former is not None and isinstance(former[0], SharedSessions) and former[0].settings == settings:
        shared = former[0]
    else:
        shared = open_shared(settings, configuration.environ, timeout, clock)
    # A cookie name of one's own has always meant that what one instance does counts on the others at once.
    shared.ask_always(configuration.environment.session_cookie_name != SESSION_COOKIE)
    return shared, shared.maker
