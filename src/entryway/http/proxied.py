"""A connection through a forward proxy (RFC 9110 §9.3.6): what follows its 200 is between us and the server alone."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl

LONGEST_HEAD = 16 * 1024


class ProxyRefused(OSError):
    """The proxy did not open the way."""


async def dial_proxy(proxy: tuple[str, int], owner: asyncio.Protocol) -> asyncio.Transport:
    """Give `owner` a connection to the proxy; an OSError says that the proxy is what cannot be reached."""
    host, port = proxy
    try:
        transport, _ = await asyncio.get_running_loop().create_connection(lambda: owner, host, port)
    except TimeoutError:
        raise
    except OSError as error:
        raise ProxyRefused(f"the proxy {host}:{port}: {error}") from error
    return transport


async def dial_through(  # noqa: PLR0917 - what is dialled, and for whom
    proxy: tuple[str, int], authorization: bytes, host: str, port: int, tls: ssl.SSLContext, owner: asyncio.Protocol
) -> None:
    """Give `owner` a TLS connection to the host, which the proxy opens; raise OSError if it cannot."""
    bracketed = f"[{host}]" if ":" in host else host
    authority = f"{bracketed}:{port}".encode("ascii")
    proof = b"proxy-authorization: %b\r\n" % authorization if authorization else b""
    loop, opening = asyncio.get_running_loop(), _Opening()
    transport = await dial_proxy(proxy, opening)
    try:
        transport.write(b"CONNECT %b HTTP/1.1\r\nhost: %b\r\n%b\r\n" % (authority, authority, proof))
        await opening.opened
        secured = await loop.start_tls(transport, asyncio.Protocol(), tls, server_hostname=host)
        if secured is None or secured.is_closing():
            raise ProxyRefused("the connection was closed")  # noqa: TRY301 - one way to give up
    except BaseException:
        transport.abort()
        raise
    secured.set_protocol(owner)
    owner.connection_made(secured)


class _Opening(asyncio.Protocol):
    """Waits for the proxy's answer."""

    def __init__(self) -> None:
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._head = b""

    def data_received(self, data: bytes) -> None:
        if self.opened.done():
            return
        self._head += data
        head, end, rest = self._head.partition(b"\r\n\r\n")
        status = head.partition(b"\r\n")[0].split(b" ")[1:2]
        if not end and len(self._head) <= LONGEST_HEAD:
            return
        if not end or len(status) != 1 or not status[0].startswith(b"2") or len(status[0]) != 3:
            shown = status[0][:3].decode("ascii", "replace") if end and status else "no HTTP"
            self.opened.set_exception(ProxyRefused(f"the proxy answered {shown}"))
        elif rest:
            # The server behind speaks only after we have: these bytes are somebody else's.
            self.opened.set_exception(ProxyRefused("the proxy sent more than its answer"))
        else:
            self.opened.set_result(None)

    def connection_lost(self, _exc: Exception | None) -> None:
        if not self.opened.done():
            self.opened.set_exception(ProxyRefused("the proxy closed the connection"))
