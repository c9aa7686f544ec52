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
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography import x509

from entryway.landscape.certificates import LOCAL_NAMES, new_server_certificate, parse, renewal_due
from entryway.landscape.serve import Endpoint, usual_tls
from entryway.landscape.state import StateFolder
from entryway.telemetry import get_logger

MOST = 500
_NAME = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.){1,3}localhost")

log = get_logger(__name__)


@dataclass(slots=True)
class TenantNames:
    """Chooses which certificate a connection is answered with."""

    state: StateFolder
    now: Callable[[], datetime]
    _made: OrderedDict[str, tuple[x509.Certificate, ssl.SSLContext]] = field(default_factory=OrderedDict)

    def tls(self, endpoint: Endpoint) -> ssl.SSLContext:
        """Return the context of a listener that answers to its own certificate's names and to those of tenants."""
        context = usual_tls(endpoint)
        context.sni_callback = partial(self._choose, endpoint)
        return context

    def _choose(
        self, endpoint: Endpoint, connection: ssl.SSLSocket | ssl.SSLObject, name: str | None, _: ssl.SSLContext
    ) -> None:
        if name is None or name in LOCAL_NAMES or not _NAME.fullmatch(name):
            return
        try:
            connection.context = self._context(endpoint, name)
        except (OSError, ValueError) as error:  # ssl.SSLError among them
            log.warning("certificate_not_made", name=name, reason=str(error))

    def _context(self, endpoint: Endpoint, name: str) -> ssl.SSLContext:
        kept = self._made.get(name)
        if kept is not None and not renewal_due(kept[0], self.now()):
            self._made.move_to_end(name)
            return kept[1]
        certificate, context = self._made[name] = self._make(endpoint, name)
        while len(self._made) > MOST:
            self._made.popitem(last=False)
        log.info("server_certificate_issued", names=[name], until=certificate.not_valid_after_utc.isoformat())
        return context

    def _make(self, endpoint: Endpoint, name: str) -> tuple[x509.Certificate, ssl.SSLContext]:
        authority = parse(self.state.ca_certificate.read_bytes(), self.state.ca_key.read_bytes())
        if authority is None:
            raise ValueError("the authority's certificate and key do not belong together")
        made = new_server_certificate(authority, (name,), self.now())
        # OpenSSL reads keys from files alone.
        with TemporaryDirectory() as folder:
            certificate, key = Path(folder) / "certificate.pem", Path(folder) / "key.pem"
            certificate.write_bytes(made.certificate_pem)
            key.write_bytes(made.key_pem)
            return made.certificate, usual_tls(replace(endpoint, certificate=certificate, key=key))
