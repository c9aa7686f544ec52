"""The router as a process: what it says when it cannot start, and that it ends when it is told to."""

import asyncio
import json
import os
import signal
import socket
import sys
from pathlib import Path

import pytest


async def started(folder: Path, **env: str) -> asyncio.subprocess.Process:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "entryway.router", "-w", str(folder),
        env=kept | env, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "resources").mkdir()
    (tmp_path / "resources" / "a.txt").write_text("A")
    (tmp_path / "xs-app.json").write_text(json.dumps({"authenticationMethod": "none"}))
    return tmp_path


async def test_every_mistake_is_named_and_the_exit_code_is_1(folder: Path):
    (folder / "xs-app.json").write_text(json.dumps({"foo": 1, "routes": [{"source": "^/a", "destination": "zz"}]}))
    process = await started(folder, SESSION_TIMEOUT="abc", PORT="0x")
    _, error = await process.communicate()
    lines = error.decode().splitlines()
    assert process.returncode == 1
    assert "VError: xs-app.json/foo: Additional properties not allowed" in lines
    assert any(
        'xs-app.json/routes/0: Format validation failed (Route references unknown destination "zz")' in line
        for line in lines
    )
    assert any("Invalid value for environment variable SESSION_TIMEOUT" in line for line in lines)
    assert any("Invalid value for environment variable PORT" in line for line in lines)


async def test_a_port_in_use_is_named_with_the_setting_that_changes_it(folder: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = await started(folder, PORT=str(port))
        _, error = await process.communicate()
    assert process.returncode == 1
    assert f"port {port} is in use; set PORT to another one" in error.decode()


async def test_it_serves_and_ends_when_told_to(folder: Path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = await started(folder, PORT=str(port))
    assert process.stderr is not None
    async with asyncio.timeout(20):
        while b"router_listening" not in await process.stderr.readline():
            assert process.returncode is None
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /a.txt HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    assert (await reader.read()).startswith(b"HTTP/1.1 200")
    writer.close()
    process.send_signal(signal.SIGTERM)
    out, error = await asyncio.wait_for(process.communicate(), 15)
    assert process.returncode == 0
    assert b"Traceback" not in error
    assert [json.loads(line)["path"] for line in out.splitlines()] == ["/a.txt"]


async def test_a_decision_port_in_use_is_named_too(folder: Path):
    with socket.socket() as taken, socket.socket() as probe:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        probe.bind(("127.0.0.1", 0))
        port, decision = probe.getsockname()[1], taken.getsockname()[1]
        probe.close()
        process = await started(folder, PORT=str(port), ENTRYWAY_DECISION_PORT=str(decision))
        _, error = await process.communicate()
    assert process.returncode == 1
    assert f"port {decision} is in use; set ENTRYWAY_DECISION_PORT to another one" in error.decode()
