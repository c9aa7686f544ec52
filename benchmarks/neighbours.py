"""What benchmarks of the router start: its neighbours, a store of sessions, and the router itself."""

from __future__ import annotations

import json
import shutil
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from measure import free_port, nginx_upstream, process
from router import silenced, write_application

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


@dataclass(frozen=True)
class Neighbours:
    """Where the upstream and the authorization server listen."""

    upstream: int
    uaa: int


@dataclass(frozen=True)
class RunningRouter:
    """A router process."""

    pid: int
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def running_neighbours(folder: Path) -> Iterator[Neighbours]:
    upstream, uaa = free_port(), free_port()
    server = [sys.executable, str(Path(__file__).with_name("router.py")), "--serve-uaa", str(uaa)]
    with nginx_upstream(folder, upstream), process(server, port=uaa):
        yield Neighbours(upstream, uaa)


@contextmanager
def running_router(
    app: Path, env: Mapping[str, str], command: Sequence[str] = ("entryway.router",), port: int | None = None
) -> Iterator[RunningRouter]:
    """Run a router whose access log goes nowhere; it is written all the same."""
    port = port or free_port()
    started = [sys.executable, "-m", *command, "-w", str(app)]
    with ExitStack() as stack:
        with silenced():
            pid = stack.enter_context(process(started, port=port, env={**env, "PORT": str(port)}))
        yield RunningRouter(pid, port)


def application(folder: Path, neighbours: Neighbours, routes_before: int = 20) -> tuple[Path, dict[str, str]]:
    """Write the files of `router.py`'s application, and return where they are, with the router's environment."""
    folder.mkdir(parents=True)
    return folder, write_application(folder, neighbours.uaa, neighbours.upstream, routes_before)


@contextmanager
def running_redis(folder: Path) -> Iterator[int]:
    """A Redis of the benchmark's own that writes nothing to disk."""
    port = free_port()
    binary = shutil.which("redis-server") or shutil.which("valkey-server")
    if binary is None:
        raise RuntimeError("Redis is missing")
    folder.mkdir(parents=True, exist_ok=True)
    command = [binary, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    with process([*command, "--dir", str(folder), "--logfile", str(folder / "log")], port=port):
        yield port


def share_sessions(app: Path, redis: int) -> dict[str, str]:
    """Bind the application to a Redis, and return what the router's environment has for it."""
    bindings = json.loads((app / "default-services.json").read_text())
    bindings["store"] = {"uri": f"redis://127.0.0.1:{redis}"}
    (app / "default-services.json").write_text(json.dumps(bindings))
    settings = {"instanceName": "store", "storageType": "redis", "sessionSecret": "benchmark" * 8}
    return {"EXT_SESSION_MGT": json.dumps(settings)}
