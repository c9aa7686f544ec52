"""An ASGI application served for real: on a free port of `localhost`, over TLS, in a thread of its own."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import uvicorn

from entryway.http.hosted_asgi import HostedAsgi
from entryway.http.server import Server
from entryway.landscape.lifespan import Lifespan
from entryway.landscape.serve import LIMITS, Endpoint
from entryway.testing.authority import TestAuthority

Serve = Callable[[Callable[[str], Any], TestAuthority], AbstractContextManager[str]]


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def served(build: Callable[[str], Any], authority: TestAuthority) -> Iterator[str]:
    """Serve what `build` makes of its own URL, and give that URL when it answers.

    Clients must be closed before the server: one that keeps its connection does not answer the end of TLS on it.
    """
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", 0))
        url = f"https://localhost:{listener.getsockname()[1]}"
        files = authority.issue_server()
        config = uvicorn.Config(
            build(url),
            ssl_certfile=str(files.certificate),
            ssl_keyfile=str(files.key),
            lifespan="on",
            ws="none",
            log_config=None,
            access_log=False,
            # Whose `x-forwarded-for` counts is for the application to decide.
            proxy_headers=False,
            # As services keep them: clients of tests may be slow, too.
            timeout_keep_alive=int(LIMITS.idle_timeout),
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listener],), name=f"serving {url}", daemon=True)
        thread.start()
        try:
            _wait_until_started(server, thread)
            yield url
        finally:
            server.should_exit = True
            thread.join(20)
            assert not thread.is_alive(), "the server did not stop"


@contextmanager
def served_by_us(
    build: Callable[[str], Any], authority: TestAuthority, tls: Callable[[Endpoint], ssl.SSLContext]
) -> Iterator[str]:
    """Serve as `served` does, on our own engine and with TLS of the caller's choice."""
    files, port = authority.issue_server(), free_port()
    url = f"https://localhost:{port}"
    context = tls(Endpoint("127.0.0.1", port, files.certificate, files.key))
    started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def run() -> None:
        app, ended = build(url), asyncio.Event()
        lifespan = Lifespan("the application", app)
        try:
            await lifespan.start()
            server = Server(HostedAsgi(app, ("127.0.0.1", port)))
            await server.listen("127.0.0.1", port, ssl=context)
        except BaseException as error:
            started.set_exception(error)
            raise
        started.set_result((asyncio.get_running_loop(), ended))
        await ended.wait()
        await server.close(1)
        await lifespan.stop()

    thread = threading.Thread(target=lambda: asyncio.run(run()), name=f"serving {url}", daemon=True)
    thread.start()
    loop, ended = started.result(20)
    try:
        yield url
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join(20)
        assert not thread.is_alive(), "the server did not stop"


def _wait_until_started(server: uvicorn.Server, thread: threading.Thread) -> None:
    while not server.started:
        thread.join(0.01)
        if not thread.is_alive():
            raise RuntimeError("the server ended before it started; its log says why")
