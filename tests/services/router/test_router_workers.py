"""Several workers on one port: they share sessions and requests, the dead are replaced, and all of them drain."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from redis_servers import running_redis, settings_of
from test_router_reload import files, process, said

from entryway.config.operation import Operation, read_operation, worker_mistakes
from entryway.router.workers import KEEP_DYING


def events(lines: list[str], name: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in lines if f'"{name}"' in line]


def children_of(pid: int) -> set[int]:
    return {int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


async def test_workers_serve_are_replaced_reload_and_drain(tmp_path: Path):
    files(tmp_path, "1")
    async with running_redis(tmp_path / "redis") as store:
        (tmp_path / "default-services.json").write_text(json.dumps({"store": store.binding()}))
        settings = json.dumps(settings_of(store))
        async with process(tmp_path, ENTRYWAY_WORKERS="2", EXT_SESSION_MGT=settings) as (child, origin, lines):
            await said(lines, "router_listening", 2)
            workers = children_of(child.pid)
            assert len(workers) == 2

            async def ask() -> str:
                async with httpx.AsyncClient(trust_env=False) as http:
                    return (await http.get(f"{origin}/a.txt")).headers["x-version"]

            assert set(await asyncio.gather(*(ask() for _ in range(8)))) == {"1"}

            os.kill(min(workers), signal.SIGKILL)
            await said(lines, "worker_died")
            await said(lines, "router_listening", 3)
            assert events(lines, "worker_died")[0]["exit_code"] == -signal.SIGKILL
            assert len(children_of(child.pid)) == 2
            assert max(workers) in children_of(child.pid)

            files(tmp_path, "2")
            child.send_signal(signal.SIGHUP)
            await said(lines, "configuration_reloaded", 2)
            os.kill(max(workers), signal.SIGKILL)
            await said(lines, "router_listening", 4)
            assert set(await asyncio.gather(*(ask() for _ in range(16)))) == {"2"}

            child.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(child.wait(), 15) == 0
            await said(lines, "workers_ended")
            assert len(events(lines, "router_stopping")) == 2
            assert not any("Traceback" in line for line in lines)


async def test_workers_end_when_their_supervisor_is_gone(tmp_path: Path):
    files(tmp_path, "1")
    async with running_redis(tmp_path / "redis") as store:
        (tmp_path / "default-services.json").write_text(json.dumps({"store": store.binding()}))
        settings = json.dumps(settings_of(store))
        async with process(tmp_path, ENTRYWAY_WORKERS="2", EXT_SESSION_MGT=settings) as (child, origin, lines):
            await said(lines, "router_listening", 2)
            child.kill()
            await said(lines, "router_stopping", 2)
            await child.wait()
            async with asyncio.timeout(10):
                while True:
                    try:
                        async with httpx.AsyncClient(trust_env=False) as http:
                            await http.get(f"{origin}/a.txt")
                    except httpx.HTTPError:
                        break
                    await asyncio.sleep(0.05)


async def test_without_shared_sessions_there_is_one_worker(tmp_path: Path):
    files(tmp_path, "1")
    with pytest.raises(AssertionError, match="2 workers need sessions that they share"):
        async with process(tmp_path, ENTRYWAY_WORKERS="2"):
            pass


def test_what_does_not_go_together():
    assert worker_mistakes(Operation(workers=2), shares_sessions=True) == []
    assert worker_mistakes(Operation(workers=1, server="granian"), shares_sessions=False) == []
    assert len(worker_mistakes(Operation(workers=2, server="granian"), shares_sessions=False)) == 2
    assert [mistake.severity for mistake in read_operation({"ENTRYWAY_WORKERS": "0"})[1]] == ["error"]


def test_workers_that_keep_dying_end_everything():
    program = "import sys; from entryway.router.workers import Supervisor; sys.exit(Supervisor(2, lambda _: 3).run())"
    ended = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, timeout=30)
    assert ended.returncode == KEEP_DYING
    assert b"workers_keep_dying" in ended.stdout + ended.stderr
