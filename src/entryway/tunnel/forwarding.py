"""Headers that cross the tunnel, and headers that must not."""

from __future__ import annotations

from functools import lru_cache

from entryway.http import Headers

# What the proxy tells the connector. A client's own fields of these names never pass the proxy.
PRINCIPAL = b"entryway-tunnel-principal"
REQUEST_ID = b"x-request-id"

TUNNEL_PREFIX = b"entryway-tunnel-"
SERVICE_PREFIX = b"sap-connectivity-"
SERVICE_HEADERS = frozenset({b"proxy-authorization", b"sap-cp-connectivity-service-token"})

# What tells a system who calls, when a trusted intermediary wrote it: from a client it would be a forged passport.
IDENTITY_HEADERS = frozenset(
    {
        b"ssl-client-cert",
        b"ssl-client-cert-chain",
        b"ssl-client-verify",
        b"ssl-client-s-dn",
        b"ssl-client-i-dn",
        b"x-ssl-client-cert",
        b"x-client-cert",
        b"x-forwarded-client-cert",
        b"client-cert",
        b"client-cert-chain",
    }
)


def is_identity_header(name: bytes) -> bool:
    """Whether a field of this name could pass for a propagated certificate, in whatever spelling.

    Many servers fold `-` and `_` into one (CGI, RFC 3875 §4.1.18), so every spelling is the same name.
    """
    folded = name.lower().replace(b"_", b"-")
    return folded in IDENTITY_HEADERS or folded.startswith(b"ssl-client-")


def is_service_header(name: bytes) -> bool:
    """Whether a field speaks to the connectivity service, not to the system behind it."""
    folded = name.lower().replace(b"_", b"-")
    return folded.startswith((SERVICE_PREFIX, TUNNEL_PREFIX)) or folded in SERVICE_HEADERS


def for_the_backend(headers: Headers) -> Headers:
    """Return the fields of a client that may go on: nothing meant for us, nothing that forges an identity."""
    return Headers.trusted([header for header in headers.raw if _goes_on(header[0])])


@lru_cache(maxsize=4096)  # names come again and again
def _goes_on(name: bytes) -> bool:
    return not is_service_header(name) and not is_identity_header(name)
