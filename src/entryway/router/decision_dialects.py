"""How proxies describe a request, and which answers they understand: one class for each kind, and a table.

nginx and ingress-nginx ask `/auth_request` with X-Original-URL and X-Original-Method; they understand 200, 401 (for
people with a Location) and 403. Envoy asks with the request's own method and Host, and its path behind `/ext_authz`;
exactly 200 means yes. Behind `/ext_authz_routed` it is also told, by 200, to send requests to the router, so that path
is for configurations that do so. Traefik and Caddy ask `/forward_auth` with X-Forwarded-Method, -Proto, -Host and -Uri;
2xx means yes. All but nginx hand any other answer to the client as it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol

from entryway.errors import BadRequest, EntrywayError, Forbidden
from entryway.http import HOP_BY_HOP, Body, Headers, Request, Response
from entryway.router.address import FORWARDING
from entryway.router.deciding import UPSTREAM_NAMES
from entryway.router.errors import RouteNotFound

UPSTREAM, TARGET, HOST = b"x-entryway-upstream", b"x-entryway-target", b"x-entryway-host"
"""What a proxy learns of an allowed request: the destination's name, the path and query to ask it for, its Host."""
REMOVE = b"x-envoy-auth-headers-to-remove"
ROUTER = b"router"
"""What stands in place of `=NAME` in x-entryway-upstream for what the router serves itself."""

_ORIGINAL = frozenset({b"x-original-url", b"x-original-method", b"x-original-uri"})
_FORWARD_AUTH = frozenset({b"x-forwarded-method", b"x-forwarded-uri"})
_OURS = frozenset({UPSTREAM, TARGET, HOST, REMOVE})
_NOT_ASKED = HOP_BY_HOP | FORWARDING | _ORIGINAL | _FORWARD_AUTH | _OURS | {b"host", b"content-length"}
_NEVER_SENT = HOP_BY_HOP | {b"host", b"content-length"}

_METHOD = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")
_AUTHORITY = re.compile(r"[A-Za-z0-9._~\[\]:-]{1,300}")
_TARGET = re.compile(r"/[^\x00-\x20\x7f#]*")
_URL = re.compile(r"(https?)://([^/?#]*)(.*)", re.DOTALL)


class DecisionIncomplete(BadRequest):
    """The proxy's question lacks a part, or has one that cannot be."""

    code = "decision_incomplete"


class ServedByRouter(Forbidden):
    """The request is one that the router must serve itself; a proxy that cannot send it there refuses it."""

    code = "served_by_router"


@dataclass(frozen=True, slots=True)
class Allowed:
    """What goes upstream for an allowed request."""

    destination: str
    host: bytes
    target: str
    headers: Headers


class Dialect(Protocol):
    """How one kind of proxy asks, and is answered."""

    def question(self, request: Request) -> Request:
        """Return the request that the proxy asks about, or raise DecisionIncomplete."""

    def allow(self, asked: Request, allowed: Allowed) -> Response:
        """Let the request through."""

    def send_to_login(self, location: str) -> Response:
        """Keep a person out who has not logged in, and say where that is done."""

    def refuse(self, response: Response, error: EntrywayError) -> Response:
        """Keep the request out; `response` is what the router would have answered."""


class AuthRequest:
    """nginx: an answer is 200, 401 or 403; the proxy takes a fixed list of headers from it."""

    def question(self, request: Request) -> Request:
        url = _URL.fullmatch(_required(request, "x-original-url"))
        if url is None:
            raise DecisionIncomplete("x-original-url is not a URL of http or https")
        return _asked(request, _required(request, "x-original-method"), url[1], url[2], url[3])

    def allow(self, asked: Request, allowed: Allowed) -> Response:
        if not _fits_the_list(asked, allowed):
            return self._short(403, ServedByRouter.code)
        return Response(200, Headers([*_of_upstream(allowed), *_given(allowed.headers)]))

    def send_to_login(self, location: str) -> Response:
        response = self._short(401, "login_required")
        response.headers.add(b"location", location.encode("latin-1"))
        return response

    def refuse(self, response: Response, error: EntrywayError) -> Response:
        return self._short(401 if response.status == 401 else 403, error.code)

    @staticmethod
    def _short(status: int, code: str) -> Response:
        return Response(status, Headers([(b"entryway-error", code.encode()), (b"cache-control", b"no-store")]))


@dataclass(frozen=True, slots=True)
class PassedOn:
    """What Envoy, Traefik and Caddy have in common: the answer to a refused request goes to the client as it is."""

    def allow(self, asked: Request, allowed: Allowed) -> Response:  # noqa: ARG002 - the protocol's
        return Response(200, Headers([*_of_upstream(allowed), *_given(allowed.headers)]))

    def send_to_login(self, location: str) -> Response:
        headers = [(b"location", location.encode("latin-1")), (b"cache-control", b"no-store")]
        return Response(302, Headers(headers))

    def refuse(self, response: Response, error: EntrywayError) -> Response:
        if response.status < 300:  # would mean yes
            return Response(403, Headers([(b"entryway-error", error.code.encode())]))
        return response


@dataclass(frozen=True, slots=True)
class ExtAuthz(PassedOn):
    """Envoy: method and path are those of the request itself, the path behind a prefix."""

    prefix: str
    routes: bool = False
    """Whether the proxy sends requests to the router when told so."""

    def question(self, request: Request) -> Request:
        target = request.target.removeprefix(self.prefix)
        host, proto = _required(request, "host"), _required(request, "x-forwarded-proto")
        if request.upgrade is not None:
            raise DecisionIncomplete("requests to switch protocols go to the router")
        return _asked(request, request.method, proto, host, target)

    def allow(self, asked: Request, allowed: Allowed) -> Response:
        there = {name for name, _ in allowed.headers}
        removed = dict.fromkeys(name for name, _ in asked.headers if name not in there | _NEVER_SENT)
        # Nothing under these names may get through, whether this proxy was asked to show it to us or not.
        removed |= dict.fromkeys(name for name in UPSTREAM_NAMES if name not in there)
        response = Response(200, Headers([*_of_upstream(allowed), *_given(allowed.headers)]))
        response.headers.add(REMOVE, b",".join(removed))
        return response

    def refuse(self, response: Response, error: EntrywayError) -> Response:
        if self.routes and isinstance(error, ServedByRouter | RouteNotFound):
            return Response(200, Headers([(UPSTREAM, ROUTER)]))
        return PassedOn.refuse(self, response, error)


@dataclass(frozen=True, slots=True)
class ForwardAuth(PassedOn):
    """Traefik and Caddy: everything is in X-Forwarded-*."""

    def question(self, request: Request) -> Request:
        method, proto, host, uri = (
            _required(request, f"x-forwarded-{part}") for part in ("method", "proto", "host", "uri")
        )
        return _asked(request, method, proto, host, uri)

    def allow(self, asked: Request, allowed: Allowed) -> Response:
        if not _fits_the_list(asked, allowed):
            return Response(403, Headers([(b"entryway-error", ServedByRouter.code.encode())]))
        return PassedOn.allow(self, asked, allowed)


DIALECTS: dict[str, Dialect] = {
    "auth_request": AuthRequest(),
    "ext_authz": ExtAuthz("/ext_authz"),
    "ext_authz_routed": ExtAuthz("/ext_authz_routed", routes=True),
    "forward_auth": ForwardAuth(),
}


def _fits_the_list(asked: Request, allowed: Allowed) -> bool:
    """Tell whether a proxy that takes a list of headers from the answer, one of each name, sends what we would send."""
    before, after = _by_name(asked.headers), _by_name(allowed.headers)
    changed = {name for name in before | after if before.get(name) != after.get(name)}
    if changed - set(UPSTREAM_NAMES) - _NEVER_SENT:
        return False
    return all(len(after.get(name, ())) <= 1 for name in UPSTREAM_NAMES)


def _required(request: Request, name: str) -> str:
    values = request.headers.all(name.encode())
    if len(values) != 1 or not values[0]:
        raise DecisionIncomplete(f"{name} must be there once")
    return values[0].decode("latin-1")


def _asked(request: Request, method: str, scheme: str, host: str, target: str) -> Request:
    if scheme not in ("http", "https"):
        raise DecisionIncomplete("the scheme is neither http nor https")
    for what, pattern, value in (("method", _METHOD, method), ("host", _AUTHORITY, host), ("path", _TARGET, target)):
        if not pattern.fullmatch(value):
            raise DecisionIncomplete(f"the {what} cannot be one")
    raw = [header for header in request.headers.raw if header[0] not in _NOT_ASKED]
    authority = host.encode("ascii")
    raw += [(b"host", authority), (b"x-forwarded-host", authority), (b"x-forwarded-proto", scheme.encode())]
    # Proxies append to the list; only the last entry is the proxy's own word.
    chain = b",".join(request.headers.all(b"x-forwarded-for")).rpartition(b",")[2].strip(b" \t")
    raw.append((b"x-forwarded-for", chain or request.peer.host.encode()))
    return Request(method, target, Headers.trusted(raw), Body.of(b""), request.peer, scheme)


def _of_upstream(allowed: Allowed) -> list[tuple[bytes, bytes]]:
    return [
        (UPSTREAM, upstream_name(allowed.destination).encode()),
        (TARGET, allowed.target.encode("latin-1")),
        (HOST, allowed.host),
    ]


def upstream_name(destination: str) -> str:
    """Return how x-entryway-upstream names a destination; no destination is named like the router."""
    return "=" + "".join(c if c.isascii() and (c.isalnum() or c in "_-.") else f"%{ord(c):x}." for c in destination)


def _given(headers: Headers) -> list[tuple[bytes, bytes]]:
    return [header for header in headers if header[0] in UPSTREAM_NAMES]


def _by_name(headers: Headers) -> dict[bytes, list[bytes]]:
    found: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        found.setdefault(name, []).append(value)
    return found
