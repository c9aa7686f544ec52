"""The example of an extended router does what the page about extending says, natively and as an ASGI application."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from entryway.testing.upstream import recording_upstream

EXAMPLE = Path(__file__).parents[2] / "examples" / "extended-router"
WAYS = {
    "natively": ["extended_router.py"],
    "granian": ["-m", "granian", "--interface", "asgi", "--host", "127.0.0.1", "--port", "PORT", "extended_router:app"],
    "uvicorn": ["-m", "uvicorn", "--host", "127.0.0.1", "--port", "PORT", "extended_router:app"],
}


@asynccontextmanager
async def running(way: str, backend: str) -> AsyncIterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    arguments = [port if argument == "PORT" else argument for argument in WAYS[way]]
    environ = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ} | {
        "PORT": port,
        "destinations": json.dumps([{"name": "backend", "url": backend}]),
    }
    child = subprocess.Popen(  # noqa: ASYNC220 - it returns at once
        [sys.executable, *arguments], cwd=EXAMPLE, env=environ, stdout=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 30
        while True:
            assert child.poll() is None
            assert time.monotonic() < deadline
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", int(port))
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                break
        yield f"http://127.0.0.1:{port}"
    finally:
        child.send_signal(signal.SIGTERM)
        await asyncio.to_thread(child.wait, 20)


@pytest.mark.parametrize("way", WAYS)
async def test_the_example(way: str):
    async with (
        recording_upstream() as backend,
        running(way, backend.url) as origin,
        httpx.AsyncClient(trust_env=False, timeout=10) as http,
    ):
        assert (await http.get(f"{origin}/version")).json() == {"version": "1.0"}
        refused = await http.get(f"{origin}/api/x", headers={"user-agent": "Bad-Bot/2"})
        assert (refused.status_code, refused.headers["entryway-error"]) == (403, "bot_refused")
        assert backend.requests == []
        answer = await http.get(f"{origin}/api/x", headers={"x-shop-user": "root"})
        assert (answer.status_code, answer.headers["x-shop-answered-by"]) == (200, "backend")
        assert backend.requests[-1].headers.text("x-shop-user") == "nobody"
        assert "It works" in (await http.get(f"{origin}/index.html")).text
        assert ("server-timing" in answer.headers) == (way != "natively")
