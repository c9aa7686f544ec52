"""What the router tells on its admin port: what it has counted, and what there is at the moment."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from entryway.http import Client
from entryway.http.admin_port import AdminPort, Readiness
from entryway.router.memory_sessions import MemorySessions
from entryway.router.meters import Meters
from entryway.router.sessions import SessionStore

Parts = Callable[[], tuple[int | None, Client, SessionStore]]


Logins = Callable[[], Awaitable[Mapping[str, bool]]]


def admin_answers(readiness: Readiness, meters: Meters, parts: Parts, logins: Logins | None = None) -> AdminPort:
    """Return what answers on the admin port."""
    # Prometheus is two megabytes that a router without this port does without.
    from entryway.router.exposition import CONTENT_TYPE, Gauges, exposition  # noqa: PLC0415

    return AdminPort(readiness, CONTENT_TYPE, exposition(meters, Gauges(lambda: _gauges(readiness, *parts()))), logins)


def _gauges(
    readiness: Readiness, connections: int | None, client: Client, sessions: SessionStore
) -> Mapping[str, tuple[str, float]]:
    open_now, idle, waiting = client.connection_counts()
    gauges: dict[str, tuple[str, float]] = {
        "ready": ("Whether requests are wanted", float(readiness.ready)),
        "backend_connections": ("Connections to backends", open_now),
        "backend_connections_idle": ("Connections to backends that wait for work", idle),
        "backend_waiting": ("Requests that wait for a connection to a backend", waiting),
    }
    if connections is not None:
        gauges["client_connections"] = ("Connections of clients", connections)
    if isinstance(sessions, MemorySessions):
        gauges["sessions"] = ("Sessions in this process", len(sessions))
    return gauges
