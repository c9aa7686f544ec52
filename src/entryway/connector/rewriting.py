"""What changes in a message between the virtual host that callers know and the internal one that answers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit, urlunsplit

from entryway.connector.configuration import Mapping
from entryway.connector.issuing import UserCertificate
from entryway.http import Headers, end_to_end
from entryway.tunnel.forwarding import for_the_backend
from entryway.tunnel.respond import FAILURE_HEADERS

SSL_CLIENT_CERT = b"ssl_client_cert"
_DOMAIN = re.compile(rb"(;\s*domain\s*=\s*)(\.?)([^;\s]+)", re.IGNORECASE)
_STANDARD_PORTS = {"http": 80, "https": 443}


def request_headers(headers: Headers, mapping: Mapping, certificate: UserCertificate | None) -> Headers:
    """Return what the system is sent; who the user is, is ours alone to say."""
    # The proxy took these out already; a connector does not depend on it.
    sent = for_the_backend(end_to_end(headers))
    if mapping.host_in_header == "internal":
        virtual = headers.get(b"host") or mapping.system.encode()
        sent = sent.without({b"host", b"x-forwarded-host"})
        sent.add(b"x-forwarded-host", virtual)
    if certificate is not None:
        sent.add(SSL_CLIENT_CERT, certificate.header)
    elif mapping.protocol == "HTTPS" and not mapping.logs_on_as_connector:
        # So that the system does not take the connection's certificate, which is the connector's, for the caller's.
        sent.add(SSL_CLIENT_CERT, b"")
    return sent


def response_headers(headers: Headers, mapping: Mapping, mappings: Iterable[Mapping]) -> Headers:
    """Return what the caller is sent, in the words of the virtual host."""
    answered = end_to_end(headers)
    return Headers.trusted(
        [
            (name, _REWRITTEN[name](value, mapping, mappings) if name in _REWRITTEN else value)
            for name, value in answered.raw
            if name not in FAILURE_HEADERS
        ]
    )


def virtual_location(location: str, mapping: Mapping, mappings: Iterable[Mapping]) -> str:
    """Return the location by its virtual host; the request's own mapping comes first, an unknown host stays."""
    try:
        parts = urlsplit(location)
        host = (parts.hostname or "").lower()
        port = parts.port or _STANDARD_PORTS.get(parts.scheme)
    except ValueError:
        return location
    if parts.scheme not in _STANDARD_PORTS:
        return location
    for candidate in (mapping, *mappings):
        # A system that is told the virtual host writes it itself, with the scheme of its own connection.
        if (host, port) in {
            (candidate.local_host, candidate.local_port),
            (candidate.virtual_host, candidate.virtual_port),
        }:
            return urlunsplit(("http", candidate.system, parts.path, parts.query, parts.fragment))
    return location


def virtual_cookie(value: bytes, mapping: Mapping) -> bytes:
    """Return the cookie with the virtual host as its domain, where the internal one was."""

    def replace(found: re.Match[bytes]) -> bytes:
        if found[3].lower() != mapping.local_host.encode():
            return found[0]
        return found[1] + found[2] + mapping.virtual_host.encode()

    return _DOMAIN.sub(replace, value)


def _location(value: bytes, mapping: Mapping, mappings: Iterable[Mapping]) -> bytes:
    return virtual_location(value.decode("latin-1"), mapping, mappings).encode("latin-1")


def _cookie(value: bytes, mapping: Mapping, _mappings: Iterable[Mapping]) -> bytes:
    return virtual_cookie(value, mapping)


_REWRITTEN = {b"location": _location, b"content-location": _location, b"set-cookie": _cookie}
