"""What an ASGI scope says, as a `Request`."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import quote

from entryway.http.body import EMPTY, Body
from entryway.http.errors import HeadersTooLarge, MalformedRequest
from entryway.http.headers import Headers
from entryway.http.limits import Limits
from entryway.http.messages import Peer, Request
from entryway.http.parsing import check_host

Scope = MutableMapping[str, Any]
Event = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]

_BODY_WITHOUT_LENGTH = frozenset({"POST", "PUT", "PATCH"})
_UNQUOTED = "/:@!$&'()*+,;=-._~"
_HTTP_SCHEMES = {"ws": "http", "wss": "https"}


def read_request(scope: Scope, source: Any) -> Request:
    """Return the request of an HTTP or WebSocket scope; `source` produces its body."""
    raw = [(bytes(name).lower(), bytes(value)) for name, value in scope["headers"] if not name.startswith(b":")]
    headers = Headers.trusted(raw)
    if b"host" not in headers and scope.get("server"):
        host, port = scope["server"]
        headers.add(b"host", (f"[{host}]" if ":" in host else host).encode("ascii") + (b":%d" % port if port else b""))
    path = scope.get("raw_path") or quote(scope["path"], safe=_UNQUOTED).encode("ascii")
    mount, target = _unmounted(path.partition(b"?")[0].decode("ascii"), scope.get("root_path") or "")
    query = scope.get("query_string", b"")
    if query:
        target += "?" + query.decode("ascii")
    version: str = scope.get("http_version", "1.1")
    scheme: str = scope.get("scheme", "http")
    websocket = scope["type"] == "websocket"
    method = "GET" if websocket else scope["method"]
    request = Request(
        method,
        target,
        headers,
        EMPTY if websocket else _body(method, version, headers, source),
        _peer(scope),
        _HTTP_SCHEMES.get(scheme) or scheme,
        upgrade="websocket" if websocket else _upgrade(method, version, headers),
        keep_alive=b"close" not in (headers.get(b"connection") or b"").lower(),
    )
    request.mount = mount
    return request


def _unmounted(path: str, root: str) -> tuple[str, str]:
    """Return where the application is mounted, and the path below; servers differ in whether paths have the former."""
    mount = quote(root.rstrip("/"), safe=_UNQUOTED)
    if not mount or not (path == mount or path.startswith(f"{mount}/")):
        return "", path
    return mount, path[len(mount) :] or "/"


def check_size(scope: Scope, limits: Limits) -> None:
    """Refuse a head that is too large; servers that read one without a bound of their own have held it by now."""
    headers = scope["headers"]
    size = sum(len(name) + len(value) for name, value in headers) + len(scope.get("query_string", b""))
    if len(headers) > limits.header_count or size > limits.header_bytes:
        raise HeadersTooLarge(f"{len(headers)} headers, {size} bytes")


def check_framing(scope: Scope) -> None:
    """Refuse a request that says in two ways where it ends: a backend could take the other one (RFC 9112 §6.3)."""
    names = {bytes(name).lower() for name, _ in scope["headers"]}
    if b"content-length" in names and b"transfer-encoding" in names:
        raise MalformedRequest("Content-Length beside Transfer-Encoding")


def check_hosts(scope: Scope) -> None:
    """Refuse what our engine refuses, and not every server does."""
    hosts = [bytes(value) for name, value in scope["headers"] if bytes(name).lower() == b"host"]
    # RFC 9112 §3.2: exactly one, in HTTP/1.1; some servers put an empty one where there is none.
    if len(hosts) > 1 or (scope.get("http_version", "1.1") == "1.1" and not any(hosts)):
        raise MalformedRequest("more than one Host" if len(hosts) > 1 else "no Host")
    for host in hosts:
        check_host(host)


def _upgrade(method: str, version: str, headers: Headers) -> str | None:
    """Return the protocol that the client asks for; web sockets are here only if the server has none."""
    if method == "CONNECT":
        return "connect"
    if version != "1.1" or b"upgrade" not in headers or b"upgrade" not in headers.tokens(b"connection"):
        return None
    return (headers.text("upgrade") or "").lower()


def _body(method: str, version: str, headers: Headers, source: Any) -> Body:
    length = headers.get(b"content-length")
    if length is not None and length.isdigit():
        return Body(int(length), source) if int(length) else EMPTY
    if b"transfer-encoding" in headers or (not version.startswith("1") and method in _BODY_WITHOUT_LENGTH):
        return Body(None, source)
    return EMPTY


def _peer(scope: Scope) -> Peer:
    client = scope.get("client") or ("", 0)
    tls = (scope.get("extensions") or {}).get("tls") or {}
    chain = tls.get("client_cert_chain") or ()
    certificate = ssl.PEM_cert_to_DER_cert(chain[0]) if chain else None
    return Peer(client[0], int(client[1] or 0), certificate)  # Granian writes the port as text
