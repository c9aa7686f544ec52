"""From the URL of a destination to what the engine dials."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

from entryway.config.xs_app_destinations import EnvironmentDestination
from entryway.http import Origin, Timeouts
from entryway.router.backends import Backend
from entryway.router.sessions import Session

PLAIN = {"http": "http", "https": "https", "ws": "http", "wss": "https"}


@dataclass(frozen=True, slots=True)
class TlsContexts:
    """The two ways to speak TLS to a backend; shared, so that connections can be."""

    verified: ssl.SSLContext
    unverified: ssl.SSLContext
    certified: Mapping[str, TlsContexts] = field(default_factory=dict)
    """The same, presenting the certificate by which the application proves itself to an authority, by its kind."""

    def choose(self, *, strict: bool) -> ssl.SSLContext:
        """Return the context for a destination."""
        return self.verified if strict else self.unverified

    def presenting(self, session: Session | None) -> TlsContexts:
        """Return the contexts with the certificate that belongs to the user's login: nothing is proved for nobody."""
        if session is None or session.login is None:
            return self
        return self.certified.get(session.login.authority, self)


def origin_of(
    url: str,
    tls: TlsContexts | None,
    *,
    strict: bool = True,
    proxy: tuple[str, int] | None = None,
    proxy_authorization: bytes = b"",
    partition: Hashable = None,
    cautious: bool = False,
) -> tuple[Origin, str]:
    """Return what to dial for a URL, and its path without a slash at the end; raise ValueError for other URLs."""
    parts = urlsplit(url)
    scheme = PLAIN.get(parts.scheme)
    if scheme is None or not parts.hostname:
        raise ValueError("not an absolute URL of http, https, ws or wss")
    port = parts.port or (443 if scheme == "https" else 80)
    context = tls.choose(strict=strict) if scheme == "https" and tls is not None else None
    path = quote(parts.path, safe="/%:@!$&'()*+,;=~-._").rstrip("/")
    if parts.query:
        # What a route asks for is put behind the whole URL, as with `https://host/fetch?path=`.
        path = (path or "/") + "?" + quote(parts.query, safe="/%:@!$&'()*+,;=~-._?")
    origin = Origin(
        scheme,
        parts.hostname,
        port,
        tls=context,
        proxy=proxy,
        proxy_authorization=proxy_authorization,
        partition=partition,
        cautious=cautious,
    )
    return origin, path


def timeouts_of(milliseconds: int) -> Timeouts:
    """Return the time-outs for a destination: its `timeout` bounds every wait for it."""
    seconds = milliseconds / 1000
    return Timeouts(connect=min(seconds, 10.0), response=seconds, body=seconds, pool=min(seconds, 10.0))


def environment_backend(destination: EnvironmentDestination, tls: TlsContexts) -> Backend:
    """Return the backend for a destination of the environment that is reached directly or by its own proxy."""
    proof = destination.proxy_authorization.encode("ascii")
    origin, path = origin_of(
        destination.url, tls, strict=destination.strict_ssl, proxy=destination.proxy, proxy_authorization=proof
    )
    return Backend(
        name=destination.name,
        origin=origin,
        base_path=path,
        # With TLS, the proxy was shown it when it opened the way: these headers are for the server then.
        headers=((b"proxy-authorization", proof),) if proof and origin.tls is None else (),
        timeouts=timeouts_of(destination.timeout_ms),
        forward_token=destination.forward_auth_token,
        forwarded_headers=destination.set_x_forwarded_headers,
        preserve_host=destination.preserve_host,
        dependency=destination.ias_dependency_name,
    )


def backend_of_user(destination: EnvironmentDestination, tls: TlsContexts) -> Callable[[Session | None], Backend]:
    """Return what finds the backend for a destination that users are shown to: by a certificate, or a dependency."""
    if not destination.forward_auth_certificates:
        backend = environment_backend(destination, tls)
        return lambda _: backend
    known = {id(each): environment_backend(destination, each) for each in (tls, *tls.certified.values())}
    return lambda session: known[id(tls.presenting(session))]
