"""How much and how long: every bound that the engine keeps, in one place. Times are in seconds."""

from __future__ import annotations

from dataclasses import dataclass

from entryway.http.address_limit import AddressLimit


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a server accepts from its clients; None means unlimited."""

    header_bytes: int = 16 * 1024
    """Request line and header block together; more is answered 431 (414 when the target alone is too long)."""
    header_count: int = 100
    target_bytes: int = 8 * 1024
    body_bytes: int | None = None
    """A longer request body is answered 413."""
    connections: int | None = None
    """One connection more takes the place of one without a request; where all have one, it is answered 503."""
    per_address: AddressLimit | None = None
    """One connection more of one address takes the place of another of its own, in the same way."""
    handshakes: int = 1000
    """So many connections may be in their TLS handshake; with one more, the oldest of them is cut off."""
    requests_per_connection: int | None = None

    header_timeout: float = 20.0
    """From a connection's or a request's first byte to the end of its head: 408."""
    body_timeout: float = 60.0
    """Between two pieces of a request body: 408."""
    write_timeout: float = 60.0
    """How long a client may leave an answer unread before it is cut off."""
    idle_timeout: float = 125.0
    """Between two requests: closed silently."""
    request_timeout: float | None = None
    """From a request's first byte to its last, however steadily it drips: 408."""
    inactivity_timeout: float | None = None
    """How long nothing may move in either direction while a request is answered: closed silently."""
    total_timeout: float | None = None
    """From the end of a request's head to the end of its answer: 504, or cut off when the answer has begun."""
    upgraded_idle_timeout: float | None = None
    """How long a spliced connection may be silent in both directions."""

    half_closed_clients: bool = False
    """Whether a client that shuts down its sending side still gets its answer. Without it, the end of a client's
    stream while a request is being answered means that the client went away, as with every other proxy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long a client waits for an upstream; None means for ever."""

    connect: float | None = 10.0
    response: float | None = 60.0
    """From the request (or its last body byte) to the head of the response: UpstreamTimeout."""
    body: float | None = 60.0
    """Between two pieces of a response body."""
    pool: float | None = 10.0
    """For a free connection when the origin's connections are all busy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolLimits:
    """How many connections a client keeps, and what it accepts from an upstream."""

    connections_per_origin: int = 256
    idle_seconds: float = 30.0
    """How long an idle connection is kept; keep it below what upstreams allow."""
    reuse: bool = True
    """Whether a connection serves more than one request."""
    header_bytes: int = 64 * 1024
    header_count: int = 200
