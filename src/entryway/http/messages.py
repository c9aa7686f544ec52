"""Requests and responses, as handlers and callers see them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from entryway.http.body import Body
from entryway.http.headers import Headers
from entryway.http.limits import Timeouts

if TYPE_CHECKING:
    from entryway.http.known_heads import KnownHead
    from entryway.http.origin import ConnectionSource
    from entryway.http.splice import RawStream


@dataclass(frozen=True, slots=True)
class Peer:
    """The other end of a connection; `certificate` is what it proved by TLS, in DER."""

    host: str
    port: int
    certificate: bytes | None = None


class InterimWriter(Protocol):
    """What can send a 1xx response ahead of the final one."""

    def write_interim(self, request: Request, status: int, headers: Headers) -> None: ...


class Request:
    """A request that a server received; its head is complete, its body may still be arriving.

    `target` is as the client sent it: `/path?query`, `http://host/path`, `host:port` (CONNECT) or `*` (OPTIONS);
    `entryway.http.target` takes it apart. `upgrade` is the protocol that the client asks to switch to, in lower
    case, `connect` for CONNECT, or None.
    """

    __slots__ = (
        "body",
        "headers",
        "http10",
        "interim",
        "keep_alive",
        "method",
        "mount",
        "peer",
        "scheme",
        "target",
        "upgrade",
    )

    def __init__(  # noqa: PLR0917 one is made per request, and keywords cost
        self,
        method: str,
        target: str,
        headers: Headers,
        body: Body,
        peer: Peer,
        scheme: str = "http",
        upgrade: str | None = None,
        http10: bool = False,  # noqa: FBT001, FBT002
        keep_alive: bool = True,  # noqa: FBT001, FBT002
        interim: InterimWriter | None = None,
    ) -> None:
        self.method = method
        self.target = target
        self.headers = headers
        self.body = body
        self.peer = peer
        self.scheme = scheme
        self.upgrade = upgrade
        self.http10 = http10
        self.keep_alive = keep_alive
        self.interim = interim
        self.mount = ""
        """What stood before the target's path: where this handler is a part of another application."""

    @property
    def authority(self) -> str:
        """The host and port that the request is for: those of the target where it has them, else the Host header's."""
        # RFC 9112 §3.2.2: with an absolute-form target, Host is ignored.
        if self.method == "CONNECT":
            return self.target
        if not self.target.startswith("/") and "://" in self.target:
            return self.target.split("://", 1)[1].partition("/")[0].partition("?")[0]
        return self.headers.text("host") or ""

    def send_interim(self, status: int, headers: Headers) -> None:
        """Send a 1xx response, such as 103 Early Hints, ahead of the answer; HTTP/1.0 clients are spared."""
        if self.interim is not None and not self.http10:
            self.interim.write_interim(self, status, headers)

    def __repr__(self) -> str:
        return f"Request({self.method} {self.target.partition('?')[0]})"


class Response:
    """A response, from an upstream or made by a handler.

    Framing (Content-Length, Transfer-Encoding, Connection) is the engine's: it follows from the body, and fields of
    these names in `headers` are not sent. `upgrade` is set on a 101 (or a 2xx to CONNECT): the raw stream behind it.
    """

    __slots__ = ("body", "headers", "known", "status", "upgrade")

    def __init__(
        self,
        status: int,
        headers: Headers | None = None,
        body: bytes | Body = b"",
        upgrade: RawStream | None = None,
    ) -> None:
        self.status = status
        self.headers = Headers.trusted([]) if headers is None else headers
        self.body = body
        self.upgrade = upgrade
        self.known: KnownHead | None = None
        """The upstream's head, if it came before; the headers may have changed since."""

    def abandon(self) -> None:
        """Let go of a response that nobody will see."""
        if isinstance(self.body, Body):
            self.body.abandon()
        if self.upgrade is not None:
            self.upgrade.abort()

    def __repr__(self) -> str:
        return f"Response({self.status})"


Handler = Callable[[Request], Awaitable[Response]]
ErrorRenderer = Callable[[Request | None, Exception], Response]
"""Makes the answer to a request that failed; the request is None when it never became one."""

DEFAULT_TIMEOUTS = Timeouts()


class OutgoingRequest:
    """A request to send; `target` is in origin-form (`/path?query`), `host:port` for CONNECT, `*` for OPTIONS.

    The Host header is written from `origin` unless `headers` has one. `upgrade` asks to switch protocols
    (`websocket`, or `connect` with the method CONNECT): the response then has its `upgrade` set when the upstream
    agreed. `on_interim` hears of 1xx responses. `fields` are the header lines as `heads.request_fields` writes them,
    sent in place of `headers`.
    """

    __slots__ = ("body", "fields", "headers", "method", "on_interim", "origin", "target", "timeouts", "upgrade")

    def __init__(  # noqa: PLR0917 one is made per request, and keywords cost
        self,
        method: str,
        target: str,
        origin: ConnectionSource,
        headers: Headers,
        body: bytes | Body = b"",
        upgrade: str | None = None,
        timeouts: Timeouts = DEFAULT_TIMEOUTS,
        on_interim: Callable[[int, Headers], None] | None = None,
    ) -> None:
        self.method = method
        self.target = target
        self.origin = origin
        self.headers = headers
        self.body = body
        self.upgrade = upgrade
        self.timeouts = timeouts
        self.on_interim = on_interim
        self.fields: bytes | None = None

    def __repr__(self) -> str:
        return f"OutgoingRequest({self.method} {self.origin.label})"
