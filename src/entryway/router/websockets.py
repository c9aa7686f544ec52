"""Web sockets: who may open one. Once both sides have agreed, the engine ties the two connections together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlsplit

from entryway.config.environment_origins import WsOriginDocument
from entryway.errors import EntrywayError, UpstreamError
from entryway.http import Headers, Request, Response
from entryway.router.address import Address
from entryway.router.errors import (
    DestinationNotFound,
    LoginRequired,
    MethodNotAllowed,
    OriginNotAllowed,
    RouteNotFound,
)

DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class SocketRules:
    """Whether web sockets are on, and which pages may open them; without a list, the application's own."""

    enabled: bool
    origins: Sequence[WsOriginDocument] | None

    def check(self, request: Request, address: Address) -> None:
        """Raise OriginNotAllowed unless the page that opens the socket may."""
        if not self.enabled:
            raise OriginNotAllowed("websockets are disabled")
        origin = request.headers.text("origin")
        if origin is None:
            raise OriginNotAllowed("missing origin header")
        if not self._allowed(origin, address):
            raise OriginNotAllowed(f"origin '{origin}' is not allowed")

    def _allowed(self, origin: str, address: Address) -> bool:
        if self.origins is None:
            return same_origin(origin, address)
        return any(origin_fits(origin, entry.protocol, entry.host, entry.port) for entry in self.origins)


def same_origin(origin: str, address: Address) -> bool:
    """Tell whether the origin is the application's own."""
    given, own = split_origin(origin), split_origin(address.origin)
    return given is not None and given == own


def split_origin(origin: str) -> tuple[str, str, int] | None:
    """Return scheme, host and port of an origin; None for `null` and everything else that is no origin."""
    try:
        parts = urlsplit(origin)
        port = parts.port or DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return None
    if (
        parts.scheme not in DEFAULT_PORTS
        or not parts.hostname
        or port is None
        or parts.path
        or parts.query
        or parts.username
    ):
        return None
    return parts.scheme, parts.hostname, port


def origin_fits(origin: str, protocol: str | None, host: str | None, port: int | str | None) -> bool:
    """Compare an origin with a configured one; what that leaves out does not matter, `*.x` stands for subdomains."""
    given = split_origin(origin)
    if given is None:
        return False
    if protocol is not None and given[0] != protocol.lower():
        return False
    if port is not None and str(port) not in ("", "*") and str(given[2]) != str(port):
        return False
    return host is None or host_fits(given[1], host.lower())


def host_fits(host: str, pattern: str) -> bool:
    """Compare a host with a pattern: `*` is any host, `*.x` any below x, but not x."""
    if pattern == "*":
        return True
    if pattern.startswith("*."):
        return host.endswith(pattern[1:]) and len(host) > len(pattern) - 1
    return host == pattern


def refusal(error: EntrywayError) -> Response:
    """Return how the router says no to an upgrade, in the short form that socket libraries show."""
    status = error.status
    match error:
        case OriginNotAllowed():
            # The first words are the router's, the origin in them is what the client itself sent.
            text = error.detail
        case LoginRequired():
            text = "Authentication required"
        case RouteNotFound() | DestinationNotFound() | MethodNotAllowed():
            status, text = 404, "not able to match the web socket request to any configured backend"
        case UpstreamError():
            text = "Outgoing connection error occurred"
        case _:
            text = HTTPStatus(status).phrase
    return plain(status, text, error.code)


def refused_by_backend(status: int) -> Response:
    """Return the answer when the backend did not switch protocols."""
    shown = status if status >= 400 else 502
    text = f"Outgoing connection error occurred: Unexpected server response: {status}"
    return plain(shown, text, "websocket_refused")


def plain(status: int, text: str, code: str) -> Response:
    """Return a short answer after which the connection is of no use."""
    headers = [
        (b"content-type", b"text/html"),
        (b"x-content-type-options", b"nosniff"),
        (b"entryway-error", code.encode()),
    ]
    shown = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return Response(status, Headers(headers), shown.encode("latin-1", "replace"))
