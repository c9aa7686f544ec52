"""What the configuration says about requests as a whole, and whether one comes the way it must."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from entryway.http import Peer, Request
from entryway.router.address import FORWARDING, address_of, check_forwarded_host, require_origin_form
from entryway.router.deciding import Deciding
from entryway.router.errors import InsecureTransport


@dataclass(frozen=True, slots=True)
class Surface:
    """What the configuration says about requests as a whole."""

    welcome_file: str | None
    https_only: bool
    trusts: Callable[[Peer], bool]
    trusts_everybody: bool
    validates_host: bool = False
    """Whether `x-forwarded-host` must be a host and nothing else."""
    deciding: Deciding | None = None
    """What proxies that ask for decisions may be told, if there are any."""
    own_paths: frozenset[str] = frozenset()
    """The paths that the router may answer itself: all others go straight to the routes."""
    proxy_headers: frozenset[bytes] = FORWARDING
    """What only a trusted proxy may say."""

    def check_transport(self, request: Request) -> None:
        """Raise for a request that came the wrong way; forget what only a trusted proxy may say."""
        if not self.trusts_everybody and not self.trusts(request.peer):
            request.headers = request.headers.without(self.proxy_headers)
        if request.mount and b"x-forwarded-path" not in request.headers:
            # Redirects must lead back to where the router is mounted, as they do behind a proxy that removes a prefix.
            path = request.target.partition("?")[0]
            request.headers.set(b"x-forwarded-path", (request.mount + path).encode("ascii"))
        if "#" in request.target:
            # A fragment is for the browser alone (RFC 9112 §3.2): one that is sent all the same names nothing.
            request.target = request.target.partition("#")[0]
        require_origin_form(request.target)
        if self.validates_host:
            check_forwarded_host(request.headers)
        if self.https_only and not address_of(request).secure:
            raise InsecureTransport("SECURE_SESSION_COOKIE is set, and the request came by http")
