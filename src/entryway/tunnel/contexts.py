"""TLS of both ends: each shows a certificate and believes only the authorities it was given."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field

from entryway.errors import ConfigurationError
from entryway.http.file_for_ssl import file_for_ssl

CONTROL_PROTOCOL = "entryway-control/1"
HTTP_PROTOCOL = "entryway-http/1"


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate, with the chain that leads to its authority, and its key; both PEM."""

    certificate: str
    key: str = field(repr=False)


def gateway_context(own: KeyPair, connectors: str) -> ssl.SSLContext:
    """Return the gateway's TLS: only certificates issued by the authority `connectors` (PEM) are let in."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _prepare(context, own, connectors, [CONTROL_PROTOCOL, HTTP_PROTOCOL])
    # A connector's certificate is checked at each handshake; resumed sessions would outlive it.
    context.num_tickets = 0
    context.options |= ssl.OP_NO_TICKET
    return context


def connector_context(own: KeyPair, gateways: str, protocol: str) -> ssl.SSLContext:
    """Return the connector's TLS for one kind of connection; `gateways` (PEM) are the anchors that pairing gave."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _prepare(context, own, gateways, [protocol])
    return context


def load_key_pair(context: ssl.SSLContext, own: KeyPair) -> None:
    """Make the context prove itself with this certificate."""
    with file_for_ssl(f"{own.certificate}\n{own.key}\n") as name:
        try:
            context.load_cert_chain(name, password="")
        except (ssl.SSLError, OSError) as error:
            raise ConfigurationError(f"a certificate and its key cannot be used together: {error}") from error


def load_authorities(context: ssl.SSLContext, authorities: str) -> None:
    """Make the context believe these authorities (PEM), besides those it believes already."""
    try:
        context.load_verify_locations(cadata=authorities)
    except (ssl.SSLError, ValueError) as error:
        raise ConfigurationError(f"trusted certificates cannot be read: {error}") from error


def _prepare(context: ssl.SSLContext, own: KeyPair, authorities: str, protocols: list[str]) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED
    load_key_pair(context, own)
    load_authorities(context, authorities)
    context.set_alpn_protocols(protocols)
