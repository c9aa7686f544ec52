"""What crosses the router: which headers of the client reach a backend, and which of a backend the client.

One pass over the headers each way. Whatever could pass for something the platform says is taken out before the router
says it itself.
"""

from __future__ import annotations

from dataclasses import dataclass

from entryway.http import HOP_BY_HOP, Headers, Request
from entryway.router.address import FORWARDING
from entryway.router.backends import Backend
from entryway.router.cookies import SessionCookie
from entryway.router.sessions import Login, Session
from entryway.router.tenants import CLAIM, Tenants

Header = tuple[bytes, bytes]

# What the platform says about a request, in the names that backends believe.
PLATFORM = frozenset(
    {
        b"proxy-authorization",
        b"x-ias-token",
        b"x-corporate-idp-token",
        b"x-custom-host",
        b"x-approuter-authorization",
        b"x-approuter-access-token",
        b"tenantid",
        b"ssl_client_cert",
        b"ssl-client-cert",
        b"public",
    }
)
_DROPPED = HOP_BY_HOP | PLATFORM
_FORWARDED = frozenset({b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"x-forwarded-path"})
_LOOKED_AT = _FORWARDED | frozenset(
    {
        b"authorization",
        b"cookie",
        b"x-csrf-token",
        b"x-correlationid",
        b"host",
        b"content-length",
    }
)
_OF_ONE_REQUEST = frozenset({b"range", b"expect", b"accept-encoding"})


@dataclass(frozen=True, slots=True)
class Forwarding:
    """What is the same for every request."""

    session_cookie: SessionCookie
    tenant: bytes | None
    """The tenant's subdomain, sent as `tenantid` where there is one tenant."""
    tenants: Tenants | None = None

    def tenant_id(self, tenant: str | None) -> bytes | None:
        """Return the header `tenantid` for a tenant's subdomain."""
        return self.tenant if self.tenants is None else self.tenants.header(tenant)

    def tenant_of(self, session: Session) -> str | None:
        """Return the subdomain of the tenant that the session's user belongs to, where there are several."""
        return None if self.tenants is None or session.login is None else self.tenants.of_login(session.login)

    def request_headers(  # noqa: C901, PLR0912 - one pass over the headers is what makes it cheap
        self,
        request: Request,
        backend: Backend,
        session: Session | None,
        *,
        hide_csrf: bool,
        public: bool = False,
        correlation_id: bytes,
        target: str,
    ) -> Headers:
        """Return the headers for the backend; `target` is what it is asked for."""
        incoming = request.headers
        named_by_connection: frozenset[bytes] | None = None
        replaced = backend.replaced
        login = None if session is None else session.login
        raw: list[Header] = []
        host = cookie = None
        forwarded: set[bytes] = set()
        for header in incoming.raw:
            name = header[0]
            if name in _PASSING or (name not in _LOOKED_AT and _passes(name)):
                if name not in replaced:
                    raw.append(header)
            elif name in _LOOKED_AT:
                if name == b"cookie":
                    cookie = header[1] if cookie is None else cookie + b"; " + header[1]
                elif name == b"host":
                    host = header[1]
                elif name == b"authorization":
                    # On a public route it is the application's own, unless the user's token takes its place.
                    if (session is None or (public and not backend.forward_token)) and name not in replaced:
                        raw.append(header)
                elif name == b"x-csrf-token":
                    if not hide_csrf:
                        raw.append(header)
                elif (
                    name in _FORWARDED
                    and backend.forwarded_headers
                    and header[1]
                    # Each proxy may add a line of its own to the list of addresses; of the others the first counts.
                    and (name not in forwarded or name == b"x-forwarded-for")
                ):
                    forwarded.add(name)
                    raw.append(header)
            elif name == b"connection" and header[1].lower() not in (b"keep-alive", b"close"):
                # RFC 9110 §7.6.1: Connection names further headers that end at this hop.
                named_by_connection = incoming.tokens(b"connection")
        if named_by_connection is not None:
            raw = [header for header in raw if header[0] not in named_by_connection or header[0] in _LOOKED_AT]
        if backend.forwarded_headers:
            self._add_forwarded(raw, forwarded, request, host)
        if backend.preserve_host and host is not None:
            raw.append((b"host", host))
        self._add_cookies(raw, cookie, session, backend, target)
        if login is not None and backend.forward_token and b"authorization" not in replaced:
            raw.append((b"authorization", login.authorization))
        tenant = self.tenant if self.tenants is None else self.tenants.header(self.tenants.of(request))
        if tenant is None and login is not None and self.tenants is None:
            tenant = _tenant_in(login)
        if tenant is not None:
            raw.append((b"tenantid", tenant))
        raw.append((b"x-correlationid", correlation_id))
        raw += backend.headers
        if backend.defaults:
            present = {name for name, _ in raw}
            raw += [header for header in backend.defaults if header[0] not in present]
        return Headers.trusted(raw)

    def background_headers(
        self, backend: Backend, session: Session, target: str, request: Request | None, correlation_id: bytes
    ) -> Headers:
        """Return the headers of a call that the router makes by itself, for the user of a session that ends."""
        raw: list[Header] = []
        if request is not None and backend.forwarded_headers:
            there = [header for header in request.headers.raw if header[0] in _FORWARDED and header[1]]
            raw += there
            self._add_forwarded(raw, {name for name, _ in there}, request, request.headers.get(b"host"))
        if request is not None:
            raw += _about_the_client(request.headers, backend.replaced)
        self._add_cookies(raw, None, session, backend, target)
        if session.login is not None and backend.forward_token and b"authorization" not in backend.replaced:
            raw.append((b"authorization", session.login.authorization))
        tenant = self.tenant_id(self.tenant_of(session))
        if tenant is None and session.login is not None and self.tenants is None:
            tenant = _tenant_in(session.login)
        if tenant is not None:
            raw.append((b"tenantid", tenant))
        raw.append((b"x-correlationid", correlation_id))
        return Headers.trusted([*raw, *backend.headers])

    @staticmethod
    def _add_forwarded(raw: list[Header], there: set[bytes], request: Request, host: bytes | None) -> None:
        if b"x-forwarded-host" not in there and host:
            raw.append((b"x-forwarded-host", host))
        if b"x-forwarded-proto" not in there:
            raw.append((b"x-forwarded-proto", request.scheme.encode()))
        if b"x-forwarded-for" not in there:
            raw.append((b"x-forwarded-for", request.peer.host.encode()))
        if b"x-forwarded-path" not in there:
            raw.append((b"x-forwarded-path", request.target.partition("?")[0].encode("latin-1")))

    def _add_cookies(
        self, raw: list[Header], cookie: bytes | None, session: Session | None, backend: Backend, target: str
    ) -> None:
        if cookie is not None:
            cookie = self.session_cookie.strip(cookie)
        if session is not None and session.jars:
            jar = session.jars.get(backend.name)
            kept = b"" if jar is None else jar.header(backend.origin.host.encode(), target.encode("latin-1"))
            if kept:
                cookie = kept if not cookie else session.join_cookies(cookie, kept)
        if cookie:
            raw.append((b"cookie", cookie))


def _about_the_client(headers: Headers, replaced: frozenset[bytes]) -> list[Header]:
    """Return what a request says about its client, rather than about itself."""
    unheard = headers.tokens(b"connection") | replaced | _LOOKED_AT | _OF_ONE_REQUEST
    return [
        header
        for header in headers.raw
        if header[0] not in unheard and not header[0].startswith((b"content-", b"if-")) and _passes(header[0])
    ]


def _tenant_in(login: Login) -> bytes | None:
    """Return the subdomain of a user whom the identity service knows, and the platform's directory with it."""
    subdomain = login.claims.get(CLAIM) if login.foreign_tenant is not None else None
    return subdomain.encode("ascii") if isinstance(subdomain, str) else None


_PASSING: set[bytes] = set()
"""Names that were seen to pass: browsers send the same few again and again."""
_MOST_PASSING = 500


def _passes(name: bytes) -> bool:
    """Tell whether a header that the router has no interest in may reach a backend."""
    if name in _DROPPED or name.startswith(b"sap-connectivity-") or _impersonates(name):
        return False
    if len(_PASSING) < _MOST_PASSING:
        _PASSING.add(name)
    return True


def _impersonates(name: bytes) -> bool:
    """Tell whether many servers would take the name for one of the platform's: `_` and `-` become one variable."""
    if b"_" not in name:
        return False
    twin = name.replace(b"_", b"-")
    return twin in _DROPPED or twin in _LOOKED_AT or twin in FORWARDING or twin.startswith(b"sap-connectivity-")
