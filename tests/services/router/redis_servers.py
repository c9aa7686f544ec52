"""Real redis-server processes on free loopback ports, ended by their process id."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from redis.asyncio import Redis

PASSWORD = "the-password-of-the-store"
SECRET = "a-session-secret-for-tests-that-is-longer-than-sixty-four-characters"


def free_port() -> int:
    """Return a port that is free, and so low that a cluster's second one, 10,000 above, is a port too."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
            if port < 55_000:
                return port


async def until(condition: Callable[[], Awaitable[object]], seconds: float = 10) -> float:
    """Wait for something that another process does; return for how long."""
    began = time.monotonic()
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110 - there is nothing to subscribe to
            await asyncio.sleep(0.01)
    return time.monotonic() - began


@dataclass
class RedisServer:
    """One server; `extra` is added to its command line."""

    folder: Path
    extra: tuple[str, ...] = ()
    password: str | None = PASSWORD
    port: int = field(default_factory=free_port)
    process: asyncio.subprocess.Process | None = None
    bind: tuple[str, ...] = ("127.0.0.1",)

    async def start(self) -> RedisServer:
        self.folder.mkdir(parents=True, exist_ok=True)
        command = ["redis-server", *self.extra]
        if "--port" not in command:
            command += ["--port", str(self.port)]
        command += ["--bind", *self.bind, "--dir", str(self.folder), "--save", "", "--appendonly", "no"]
        if self.password is not None:
            command += ["--requirepass", self.password]
        self.process = await asyncio.create_subprocess_exec(
            *command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        async with asyncio.timeout(10):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                except OSError:
                    await asyncio.sleep(0.02)
                else:
                    writer.close()
                    return self

    async def kill(self) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()

    def pause(self) -> None:
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGCONT)

    async def command(self, *words: Any) -> Any:
        async with Redis(port=self.port, password=self.password, protocol=2) as client:
            return await client.execute_command(*words)

    async def session_keys(self) -> list[bytes]:
        return [key for key in await self.command("KEYS", "*:s:*") if not key.endswith(b":renewal")]

    def binding(self, **more: Any) -> dict[str, Any]:
        return {"hostname": "127.0.0.1", "port": self.port, "password": self.password} | more


def settings_of(server: RedisServer, **more: Any) -> dict[str, Any]:
    """What EXT_SESSION_MGT says, in tests; tries are close together."""
    return {
        "instanceName": "store",
        "storageType": "redis",
        "sessionSecret": SECRET,
        "defaultRetryTimeout": 200,
    } | more


@asynccontextmanager
async def running_redis(folder: Path, *extra: str, password: str | None = PASSWORD) -> AsyncIterator[RedisServer]:
    assert shutil.which("redis-server"), "these tests need redis-server: scripts/system-packages redis-server"
    server = RedisServer(folder, extra, password)
    await server.start()
    try:
        yield server
    finally:
        if server.process is not None and server.process.returncode is None:
            server.resume()
        await server.kill()
