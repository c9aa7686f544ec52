"""A small HTTPS server in a thread, for what stands in for a foreign system in a test."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from entryway.testing.authority import TestAuthority


class TlsServer(ThreadingHTTPServer):
    """`state` is what the handlers of requests share with the test."""

    daemon_threads = True
    state: Any

    @property
    def url(self) -> str:
        return f"https://localhost:{self.server_address[1]}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: tests make clients hang up on purpose."""


@contextmanager
def running_tls_server(handler: type[BaseHTTPRequestHandler], authority: TestAuthority) -> Iterator[TlsServer]:
    """Serve `handler` on a free port of `localhost`."""
    server = TlsServer(("127.0.0.1", 0), handler)
    # The handshake belongs to the connection's own thread: one slow client must not hold up the others.
    server.socket = authority.server_context().wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), name=handler.__name__, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()
