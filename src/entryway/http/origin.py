"""Where a connection leads to: an origin that we dial, or any other source of connections."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from entryway.http.protocols import as_protocol
from entryway.http.proxied import dial_proxy, dial_through
from entryway.http.subclassable import mypyc_attr
from entryway.http.upstream import UpstreamConnection

if TYPE_CHECKING:
    import ssl
    from collections.abc import Hashable


class ConnectionSource(Protocol):
    """Gives a pool its connections. Sources that are equal (and hash alike) share one pool.

    `label` names the upstream in errors, `authority` is the default Host, `target_prefix` stands before the target
    of each request (absolute-form towards a forward proxy, otherwise empty), and `cautious` asks for connections that
    are not kept for long.
    """

    label: str
    authority: bytes
    target_prefix: bytes
    cautious: bool

    def __hash__(self) -> int: ...

    async def connect(self) -> UpstreamConnection:
        """Return an open, idle connection, or raise UpstreamUnreachable."""


@mypyc_attr(allow_interpreted_subclasses=True)
class Origin:
    """A scheme, host and port to dial, with the TLS context to use.

    Connections are shared by requests whose origins are equal: same address, same TLS context object, same proxy,
    same `partition` (which separates connections that carry an identity), same `cautious`. With `proxy`, connections
    go to that address; requests are in absolute-form, and for https the proxy opens a way to the origin (CONNECT),
    for which `proxy_authorization` is shown.
    """

    __slots__ = (
        "_hash",
        "_key",
        "authority",
        "cautious",
        "host",
        "label",
        "port",
        "proxy",
        "proxy_authorization",
        "scheme",
        "target_prefix",
        "tls",
    )

    def __init__(
        self,
        scheme: str,
        host: str,
        port: int,
        *,
        tls: ssl.SSLContext | None = None,
        proxy: tuple[str, int] | None = None,
        proxy_authorization: bytes = b"",
        partition: Hashable = None,
        cautious: bool = False,
    ) -> None:
        if scheme not in {"http", "https"}:
            raise ValueError(f"not a scheme that can be dialled: {scheme}")
        if (scheme == "https") != (tls is not None):
            raise ValueError("https needs a TLS context, and http has none")
        self.scheme = scheme
        self.host = host
        self.port = port
        self.tls = tls
        self.proxy = proxy
        self.proxy_authorization = proxy_authorization
        self.cautious = cautious
        bracketed = f"[{host}]" if ":" in host else host
        standard = port == (443 if scheme == "https" else 80)
        self.authority = (bracketed if standard else f"{bracketed}:{port}").encode("ascii")
        self.label = f"{scheme}://{self.authority.decode()}"
        self.target_prefix = self.label.encode() if proxy is not None and tls is None else b""
        self._key = (scheme, host, port, tls, proxy, proxy_authorization, partition, cautious)
        self._hash = hash(self._key)

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Origin) and self._key == other._key)

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        return f"Origin({self.label})"

    async def connect(self) -> UpstreamConnection:
        if self.proxy is not None and self.tls is not None:
            through = UpstreamConnection(self.label)
            owner = as_protocol(through)
            await dial_through(self.proxy, self.proxy_authorization, self.host, self.port, self.tls, owner)
            return through
        connection = UpstreamConnection(self.label)
        if self.proxy is not None:
            await dial_proxy(self.proxy, as_protocol(connection))
            return connection
        await asyncio.get_running_loop().create_connection(
            lambda: as_protocol(connection),
            self.host,
            self.port,
            ssl=self.tls,
            server_hostname=self.host if self.tls is not None else None,
        )
        return connection
