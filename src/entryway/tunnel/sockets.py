"""What processes with many connections ask of the kernel."""

from __future__ import annotations

import resource
import socket

MANY = 65536
MOST_PLACES = 16384
SPARE = 256
# An idle connection has no traffic of its own. The kernel's probes keep it alive in the tables of the firewalls between
# both ends, and find out within a minute and a half that the other end is gone.
_PROBES = (("TCP_KEEPIDLE", 30), ("TCP_KEEPALIVE", 30), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 4))


def keep_alive(sock: socket.socket) -> None:
    """Let the kernel probe this connection while it is idle."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in _PROBES:
        number = getattr(socket, option, None)  # macOS has another name for the first one
        if number is not None:
            sock.setsockopt(socket.IPPROTO_TCP, number, value)


def allow_many_connections() -> None:
    """Let this process open as many connections as the system lets it; the usual limit is one for small programs."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY or soft < hard:
        wanted = MANY if hard == resource.RLIM_INFINITY else min(hard, MANY)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))


def affordable_connections() -> int:
    """Return how many clients a proxy may serve: each may need a connection onward, and files must stay openable."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_PLACES if soft == resource.RLIM_INFINITY else min(MOST_PLACES, max(1, (soft - SPARE) // 2))
