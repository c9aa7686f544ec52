"""Certificates for tenants' names below `localhost`, each made when a client first asks for it.

Node.js, OpenSSL and browsers match no wildcard directly below a top-level name, and tenants come while we are running.
"""

from __future__ import annotations

import re
import ssl
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Generic, TypeVar

from cryptography import x509

from entryway.http.asking_tls import AskingContext
from entryway.landscape.certificate_listener import asking_tls
from entryway.landscape.certificates import LOCAL_NAMES, new_server_certificate, parse, renewal_due
from entryway.landscape.serve import Endpoint, usual_tls
from entryway.landscape.state import StateFolder
from entryway.telemetry import get_logger

MOST = 500
_NAME = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.){1,3}localhost")

log = get_logger(__name__)


Context = TypeVar("Context", bound=ssl.SSLContext)


@dataclass(frozen=True, slots=True)
class TenantNames:
    """The TLS of listeners that answer to their own certificate's names and to those of tenants."""

    state: StateFolder
    now: Callable[[], datetime]

    def tls(self, endpoint: Endpoint) -> ssl.SSLContext:
        """Return the context of a listener that asks for no certificate."""
        context, named = usual_tls(endpoint), _Named(self, endpoint, usual_tls)

        def choose(connection: ssl.SSLSocket | ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
            chosen = named.context(name) if name else None
            if chosen is not None:
                connection.context = chosen

        context.sni_callback = choose
        return context

    def asking_tls(self, endpoint: Endpoint) -> AskingContext:
        """Return the context of a listener that asks clients for a certificate."""
        named = _Named(self, endpoint, asking_tls)
        return AskingContext(endpoint.certificate, endpoint.key, context_of=named.context)


@dataclass(slots=True)
class _Named(Generic[Context]):
    """The contexts of one listener by the name that a client asks for."""

    names: TenantNames
    endpoint: Endpoint
    tls: Callable[[Endpoint], Context]
    _made: OrderedDict[str, tuple[x509.Certificate, Context]] = field(default_factory=OrderedDict)

    def context(self, name: str) -> Context | None:
        """Return the context that proves a tenant's name; for other names, and without the authority's key, none."""
        if name in LOCAL_NAMES or not _NAME.fullmatch(name):
            return None
        try:
            return self._context(name)
        except (OSError, ValueError) as error:  # ssl.SSLError among them
            log.warning("certificate_not_made", name=name, reason=str(error))
            return None

    def _context(self, name: str) -> Context:
        kept = self._made.get(name)
        if kept is not None and not renewal_due(kept[0], self.names.now()):
            self._made.move_to_end(name)
            return kept[1]
        certificate, context = self._made[name] = self._make(name)
        while len(self._made) > MOST:
            self._made.popitem(last=False)
        log.info("server_certificate_issued", names=[name], until=certificate.not_valid_after_utc.isoformat())
        return context

    def _make(self, name: str) -> tuple[x509.Certificate, Context]:
        state = self.names.state
        authority = parse(state.ca_certificate.read_bytes(), state.ca_key.read_bytes())
        if authority is None:
            raise ValueError("the authority's certificate and key do not belong together")
        made = new_server_certificate(authority, (name,), self.names.now())
        # OpenSSL reads keys from files alone.
        with TemporaryDirectory() as folder:
            certificate, key = Path(folder) / "certificate.pem", Path(folder) / "key.pem"
            certificate.write_bytes(made.certificate_pem)
            key.write_bytes(made.key_pem)
            return made.certificate, self.tls(replace(self.endpoint, certificate=certificate, key=key))
