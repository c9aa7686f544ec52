"""The systems themselves: how each is dialled, whom we believe there, and what we prove."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from typing import TYPE_CHECKING

from entryway.connector.configuration import KeyPairSection, Mapping
from entryway.connector.mutual import MutualTls
from entryway.errors import UpstreamUnreachable
from entryway.http import Origin
from entryway.tunnel.contexts import KeyPair, load_authorities, load_key_pair
from entryway.tunnel.failures import NotMutuallyAuthenticated

if TYPE_CHECKING:
    from collections.abc import Hashable

    from entryway.http import UpstreamConnection


class BackendOrigin(Origin):
    """A system's address; connections of different partitions are never shared."""

    __slots__ = ("_connect_seconds", "_mutual")

    def __init__(
        self,
        mapping: Mapping,
        tls: ssl.SSLContext | None,
        *,
        partition: Hashable,
        connect_seconds: float,
        mutual: MutualTls | None,
    ) -> None:
        super().__init__(mapping.protocol.lower(), mapping.local_host, mapping.local_port, tls=tls, partition=partition)
        self._connect_seconds = connect_seconds
        self._mutual = mutual

    async def connect(self) -> UpstreamConnection:
        """Return a connection; where a user's certificate will travel on it, both ends have proven themselves."""
        try:
            async with asyncio.timeout(self._connect_seconds):
                connection = await super().connect()
        except TimeoutError as error:
            raise UpstreamUnreachable(self.label, "no connection in time") from error
        if self._mutual is not None and not self._mutual.proven(connection.transport.get_extra_info("ssl_object")):
            connection.abort()
            raise NotMutuallyAuthenticated(detail=f"{self.label} did not ask for a client certificate")
        return connection


class Backends:
    """Every system's TLS, made once."""

    def __init__(self, system: KeyPairSection | None, trust: Sequence[str], connect_seconds: float) -> None:
        self._connect_seconds = connect_seconds
        self._anonymous = _context(trust)
        self._proven = _context(trust)
        if system is not None:
            load_key_pair(self._proven, KeyPair(system.certificate, system.private_key.get_secret_value()))
        self._mutual = MutualTls(self._proven)

    def origin(self, mapping: Mapping, principal: Hashable) -> BackendOrigin:
        """Return where to send a request of this principal; None stands for nobody."""
        tls = None
        if mapping.protocol == "HTTPS":
            tls = self._anonymous if mapping.authentication_mode == "NONE_RESTRICTED" else self._proven
        return BackendOrigin(
            mapping,
            tls,
            partition=(mapping.system, principal),
            connect_seconds=self._connect_seconds,
            mutual=self._mutual if principal is not None else None,
        )


def _context(trust: Sequence[str]) -> ssl.SSLContext:
    # No default authorities: a company's systems are believed by name, or not at all.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    for authorities in trust:
        load_authorities(context, authorities)
    return context
