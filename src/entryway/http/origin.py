"""Where a connection leads to: an origin that we dial, or any other source of connections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import ssl
    from collections.abc import Hashable

    from entryway.http.upstream import UpstreamConnection


class ConnectionSource(Protocol):
    """Gives a pool its connections. Sources that are equal (and hash alike) share one pool.

    `label` names the upstream in errors, `authority` is the default Host, `target_prefix` stands before the target
    of each request (absolute-form towards a forward proxy, otherwise empty).
    """

    label: str
    authority: bytes
    target_prefix: bytes

    def __hash__(self) -> int: ...

    async def connect(self) -> UpstreamConnection:
        """Return an open, idle connection, or raise UpstreamUnreachable."""


class Origin:
    """A scheme, host and port to dial, with the TLS context to use.

    Connections are shared by requests whose origins are equal: same address, same TLS context object, same proxy,
    same `partition` (which separates connections that carry an identity). With `proxy`, connections go to that
    address and requests are in absolute-form.
    """

    __slots__ = ("_hash", "_key", "authority", "host", "label", "port", "proxy", "scheme", "target_prefix", "tls")

    def __init__(
        self,
        scheme: str,
        host: str,
        port: int,
        *,
        tls: ssl.SSLContext | None = None,
        proxy: tuple[str, int] | None = None,
        partition: Hashable = None,
    ) -> None:
        if scheme not in {"http", "https"}:
            raise ValueError(f"not a scheme that can be dialled: {scheme}")
        self.scheme = scheme
        self.host = host
        self.port = port
        self.tls = tls
        self.proxy = proxy
        bracketed = f"[{host}]" if ":" in host else host
        standard = port == (443 if scheme == "https" else 80)
        self.authority = (bracketed if standard else f"{bracketed}:{port}").encode("ascii")
        self.label = f"{scheme}://{self.authority.decode()}"
        self.target_prefix = self.label.encode() if proxy is not None else b""
        self._key = (scheme, host, port, tls, proxy, partition)
        self._hash = hash(self._key)
