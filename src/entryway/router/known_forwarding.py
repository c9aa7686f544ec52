"""What a backend is sent by a client that sends the same headers again and again is written once.

Of the header lines for a backend, all but two are the same for every request that a browser makes in a session: they
follow from its header block, which is known by every byte of it, from the session's login, and from the backend. They
are kept with the block and forgotten with it, seconds later; a user who logs out, or whose token is renewed, has
another login, and for another login they are written anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from entryway.http import heads

if TYPE_CHECKING:
    from entryway.http import Headers, Request
    from entryway.router.backends import Backend
    from entryway.router.forward import Forwarding
    from entryway.router.routes import ServedRoute
    from entryway.router.sessions import Login, Session

_PATH: Final = b"x-forwarded-path"
_CORRELATION: Final = b"x-correlationid"
_VARYING: Final = frozenset({_PATH, _CORRELATION})


class KnownFields:
    """The header lines that do not depend on what is asked for, and everything that they depend on."""

    __slots__ = (
        "_backend",
        "_forwarding",
        "_lines",
        "_login",
        "_peer",
        "_scheme",
        "_served",
        "_session",
        "_tells_path",
    )  # fmt: skip

    def __init__(  # noqa: PLR0917 - values, not a bag
        self,
        forwarding: Forwarding,
        request: Request,
        backend: Backend,
        session: Session | None,
        served: ServedRoute,
        headers: Headers,
    ) -> None:
        self._forwarding = forwarding
        self._backend = backend
        self._session = session
        self._login: Login | None = None if session is None else session.login
        self._served = served
        self._peer = request.peer.host
        self._scheme = request.scheme
        self._tells_path = backend.forwarded_headers and not request.headers.get(_PATH)
        kept = _VARYING if self._tells_path else frozenset({_CORRELATION})
        self._lines = heads.request_fields(headers.without(kept), backend.origin.authority)

    def hold_for(
        self,
        forwarding: Forwarding,
        request: Request,
        backend: Backend,
        session: Session | None,
        served: ServedRoute,
    ) -> bool:
        """Tell whether they are what would be written for this request, too."""
        return (
            self._backend is backend
            and self._session is session
            and (session is None or self._login is session.login)
            and self._served is served
            and self._forwarding is forwarding
            and self._peer == request.peer.host
            and self._scheme == request.scheme
        )

    def lines(self, target: str, correlation_id: bytes) -> bytes:
        """Return all header lines for a request of this target."""
        if not self._tells_path:
            return self._lines + heads.header_line(_CORRELATION, correlation_id)
        path = heads.header_line(_PATH, target.partition("?")[0].encode("latin-1"))
        return b"".join((self._lines, path, heads.header_line(_CORRELATION, correlation_id)))


def known_fields(  # noqa: PLR0917 - values, not a bag
    forwarding: Forwarding,
    request: Request,
    backend: Backend,
    session: Session | None,
    served: ServedRoute,
    correlation_id: bytes,
) -> bytes | None:
    """Return the header lines for the backend, or None if more decides about them than is looked at here."""
    block = request.headers.known
    if (
        block is None
        or request.upgrade is not None
        or (session is not None and session.jars)
        or forwarding.tenants is not None
        or backend.headers
        or backend.defaults
    ):
        return None
    known: KnownFields | None = block.derived.get("fields")
    if known is None or not known.hold_for(forwarding, request, backend, session, served):
        headers = forwarding.request_headers(
            request,
            backend,
            session,
            hide_csrf=served.csrf,
            public=served.public,
            correlation_id=correlation_id,
            target="",
        )
        known = block.derived["fields"] = KnownFields(forwarding, request, backend, session, served, headers)
    return known.lines(request.target, correlation_id)
