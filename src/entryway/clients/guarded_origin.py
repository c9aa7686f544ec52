"""An origin that is dialled at the very address that was judged: what its name resolves to later does not count."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

from entryway.clients.outgoing_addresses import AddressRefused
from entryway.http.protocols import as_protocol
from entryway.http.upstream import UpstreamConnection
from entryway.telemetry import get_logger

if TYPE_CHECKING:
    from entryway.clients.outgoing_addresses import AddressPolicy
    from entryway.http import Origin

log = get_logger(__name__)


class GuardedOrigin:
    """A source of connections to one origin, under a policy; equal to another one of the same origin and policy."""

    __slots__ = ("_origin", "_policy", "authority", "cautious", "label", "target_prefix")

    def __init__(self, origin: Origin, policy: AddressPolicy) -> None:
        self._origin = origin
        self._policy = policy
        self.label = origin.label
        self.authority = origin.authority
        self.target_prefix = origin.target_prefix
        self.cautious = False

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GuardedOrigin) and (self._origin, self._policy) == (other._origin, other._policy)

    def __hash__(self) -> int:
        return hash(self._origin)

    async def connect(self) -> UpstreamConnection:
        """Return a connection to the first permitted address that takes one."""
        origin, loop = self._origin, asyncio.get_running_loop()
        found = await loop.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
        if self.label not in self._policy.origins:
            permitted = self._policy.permitted(addresses, encrypted=origin.tls is not None)
            if not permitted:
                # Where a name leads inside the network is for the operator alone to know.
                log.warning("outgoing_call_refused", origin=self.label, addresses=addresses)
                reason = "its address is none that may be called from here"
                raise AddressRefused(self.label, reason if origin.tls else f"{reason} without TLS")
            addresses = permitted
        return await self._dial(loop, addresses)

    async def _dial(self, loop: asyncio.AbstractEventLoop, addresses: list[str]) -> UpstreamConnection:
        origin = self._origin
        failure: OSError | None = None
        for address in addresses:
            connection = UpstreamConnection(self.label)
            try:
                await loop.create_connection(
                    lambda made=connection: as_protocol(made),
                    address,
                    origin.port,
                    ssl=origin.tls,
                    server_hostname=origin.host if origin.tls is not None else None,
                )
            except OSError as error:
                failure = error
            else:
                return connection
        raise failure or OSError("the host has no address")
