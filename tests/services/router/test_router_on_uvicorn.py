"""The router on uvicorn, as the documentation starts it: it serves, it ends, and says why it does not start."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from test_router_reload import files

from entryway.testing.upstream import dial

OPTIONS = (
    "--no-proxy-headers --no-server-header --no-date-header --no-access-log --timeout-keep-alive 125"
    " --ws websockets-sansio --ws-per-message-deflate false --h11-max-incomplete-event-size 16384"
)


@asynccontextmanager
async def uvicorn(folder: Path, parser: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = ["-m", "uvicorn", "--factory", "entryway.router.api:create_app", "--port", str(port), "--http", parser]
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ}
    child = await asyncio.create_subprocess_exec(
        sys.executable, *command, *OPTIONS.split(), cwd=folder, env=kept, stderr=asyncio.subprocess.PIPE
    )
    try:
        yield child, f"http://127.0.0.1:{port}"
    finally:
        if child.returncode is None:
            child.terminate()
        await child.communicate()


async def test_its_documented_options_are_those_that_are_tried():
    page = (Path(__file__).parents[3] / "docs" / "extending.md").read_text(encoding="utf-8")
    shown = page.partition("uvicorn --factory")[2].partition("```")[0].replace("\\\n", " ").split()
    assert set(OPTIONS.split()) - {"--no-access-log"} == set(shown) - {
        "entryway.router.api:create_app",
        "--port",
        "5000",
    }


@pytest.mark.parametrize("parser", ["httptools", "h11"])
async def test_a_folder_is_served_and_heads_are_bounded(tmp_path: Path, parser: str):
    files(tmp_path, "1")
    async with uvicorn(tmp_path, parser) as (child, origin), httpx.AsyncClient(trust_env=False) as http:
        async with asyncio.timeout(20):
            while True:
                try:
                    answer = await http.get(f"{origin}/a.txt")
                    break
                except httpx.ConnectError:
                    assert child.returncode is None
                    await asyncio.sleep(0.05)
        assert (answer.text, answer.headers["x-version"], answer.headers.get("server")) == ("A", "1", None)
        refused = await http.get(f"{origin}/a.txt", headers={"x-long": "y" * 20_000})
        assert (refused.status_code, refused.headers["entryway-error"]) == (431, "headers_too_large")
        assert (await http.get(f"{origin}/%2e%2e/x")).status_code == 400
        assert answer.headers["connection"] == "keep-alive"
        wire = await dial("127.0.0.1", int(origin.rpartition(":")[2]))
        await wire.saying(
            b"POST /a.txt HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"
        )
        heard = await wire.hear_all()  # it is closed: what follows could be another request, or this one's body
        await wire.close()
        assert heard.startswith(b"HTTP/1.1 400 Bad Request\r\n")


async def test_every_mistake_is_named_as_routers_do(tmp_path: Path):
    (tmp_path / "xs-app.json").write_text('{"routes": [{"source": "^/(a", "localDir": "."}], "unknown": 1}')
    async with uvicorn(tmp_path, "httptools") as (child, _):
        _, said = await asyncio.wait_for(child.communicate(), 20)
    assert child.returncode
    mistakes = [line for line in said.decode().splitlines() if line.startswith("VError: ")]
    assert {line.split(": ")[1] for line in mistakes} == {"xs-app.json/routes/0/source", "xs-app.json/unknown"}
