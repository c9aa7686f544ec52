"""How long the ports of services keep a connection between two requests."""

from __future__ import annotations

import asyncio
import os
import signal
import ssl
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from entryway.landscape.certificate_listener import CertificateListener
from entryway.landscape.dispatch import HEALTH_PATH, Dispatcher
from entryway.landscape.serve import LIMITS, Endpoint, serve
from entryway.testing.authority import TestAuthority
from entryway.testing.serving import free_port


async def ask_and_wait(port: int, authority: TestAuthority) -> float:
    """Return for how long a connection was kept after its answer."""
    trust = ssl.create_default_context(cafile=authority.ca_file)
    while True:
        with suppress(ConnectionRefusedError):
            reader, writer = await asyncio.open_connection("localhost", port, ssl=trust)
            break
        await asyncio.sleep(0.01)
    writer.write(b"GET " + HEALTH_PATH.encode() + b" HTTP/1.1\r\nhost: localhost\r\n\r\n")
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
    answered = asyncio.get_running_loop().time()
    await reader.read()
    writer.close()
    return asyncio.get_running_loop().time() - answered


async def test_both_ports_keep_a_connection_as_long_as_the_endpoint_says(tmp_path: Path) -> None:
    authority = TestAuthority.create(tmp_path)
    files = authority.issue_server()
    limits = replace(LIMITS, idle_timeout=0.3)
    usual, asking = (Endpoint("127.0.0.1", free_port(), files.certificate, files.key, limits) for _ in range(2))
    app = Dispatcher({}, CertificateListener(Dispatcher({}), asking))
    serving = asyncio.create_task(serve(app, usual))
    try:
        kept = await asyncio.gather(*(ask_and_wait(port, authority) for port in (usual.port, asking.port)))
        assert all(0.25 < seconds < 5 for seconds in kept), kept
    finally:
        if not serving.done():
            os.kill(os.getpid(), signal.SIGTERM)
        await serving


def test_a_client_whose_event_loop_was_busy_finds_its_connection_open() -> None:
    assert 75 <= LIMITS.idle_timeout <= 300
    assert LIMITS.connections is not None
