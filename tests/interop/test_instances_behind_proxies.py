"""Two routers behind the real nginx and the real Envoy: neither must be there all the time, and nothing is lost."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import httpx
import pytest
from application_behind import Person, SocketBackend, process, proxy_command, wait_for, write_application
from test_behind_proxies import BackendInItsThread

from entryway.testing.authserver import running_authserver
from entryway.testing.serving import free_port

pytestmark = pytest.mark.proxies

CLIENTS = 8
NGINX = """
upstream kept {{ server 127.0.0.1:{0} max_fails=0; server 127.0.0.1:{1} max_fails=0; keepalive 16; }}
upstream fresh {{ server 127.0.0.1:{0} max_fails=0; server 127.0.0.1:{1} max_fails=0; }}
map $request_method $routers {{ default fresh; GET kept; HEAD kept; }}
server {{ listen 127.0.0.1:{2}; location / {{
  proxy_pass http://$routers; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host;
}} }}
"""


@dataclass
class Instances:
    """Two routers that share their sessions, and a proxy."""

    folder: Path
    env: dict[str, str]
    proxy: str
    ports: tuple[int, int]
    decisions: tuple[int, int]
    running: dict[int, tuple[ExitStack, subprocess.Popen[bytes]]] = field(default_factory=dict)

    def start(self, port: int) -> None:
        stack = ExitStack()
        command = [sys.executable, "-m", "entryway.router", "-w", "."]
        places = {"PORT": str(port), "ENTRYWAY_DECISION_PORT": str(self.decisions[self.ports.index(port)])}
        router = stack.enter_context(process(command, self.env | places, self.folder, f"router-{port}"))
        self.running[port] = (stack, router)
        wait_for(f"http://127.0.0.1:{port}/files/a.txt", router, self.folder / f"router-{port}.err")

    def end(self, port: int, how: signal.Signals) -> int:
        stack, router = self.running.pop(port)
        router.send_signal(how)
        with stack:
            return router.wait(15)


@dataclass
class Clients:
    """Clients that ask, with a session, for as long as the block lasts."""

    proxy: str
    cookie: str
    answers: list[tuple[str, int]] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)
    threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Self:
        self.threads = [threading.Thread(target=self._ask) for _ in range(CLIENTS)]
        for thread in self.threads:
            thread.start()
        time.sleep(0.3)
        return self

    def __exit__(self, *_: object) -> None:
        time.sleep(0.3)
        self.stopping.set()
        for thread in self.threads:
            thread.join(20)

    def _ask(self) -> None:
        with httpx.Client(trust_env=False, timeout=20, headers={"cookie": self.cookie}) as http:
            while not self.stopping.is_set():
                for method, path in (("GET", "/api/x"), ("POST", "/public/x"), ("GET", "/files/a.txt")):
                    try:
                        self.answers.append((method, http.request(method, self.proxy + path).status_code))
                    except httpx.TransportError as error:
                        self.lost.append(f"{method} {error!r}")

    def failed(self) -> list[tuple[str, int]]:
        return [answer for answer in self.answers if answer[1] != 200]


@pytest.fixture(params=["nginx", "envoy"])
def instances(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Instances, str]]:
    """Yield the instances and the cookie of somebody who logged in at one of them."""
    (tmp_path / "uaa").mkdir()
    with ExitStack() as stack:
        uaa = stack.enter_context(running_authserver(tmp_path / "uaa"))
        backend = stack.enter_context(BackendInItsThread())
        env = write_application(tmp_path, uaa, backend, stack.enter_context(SocketBackend()))
        store, front, ports = free_port(), free_port(), (free_port(), free_port())
        redis = shutil.which("redis-server")
        assert redis is not None, "Redis is not installed: scripts/system-packages redis-server"
        options = ["--port", str(store), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)]
        stack.enter_context(process([redis, *options], env, tmp_path, "redis"))
        bindings = json.loads((tmp_path / "default-services.json").read_text())
        bindings["store"] = {"uri": f"redis://127.0.0.1:{store}"}
        (tmp_path / "default-services.json").write_text(json.dumps(bindings))
        settings = {"instanceName": "store", "storageType": "redis", "sessionSecret": "for-tests" * 8}
        env["EXT_SESSION_MGT"] = json.dumps(settings)
        found = Instances(tmp_path, env, f"http://localhost:{front}", ports, (free_port(), free_port()))
        for port in ports:
            found.start(port)
        stack.callback(lambda: [running[0].close() for running in found.running.values()])
        kind = request.param
        text = NGINX.format(*ports, front) if kind == "nginx" else exported(found, front)
        (tmp_path / "exported.yaml").write_text(text)
        proxy = stack.enter_context(process(proxy_command(kind, tmp_path), env, tmp_path, kind))
        wait_for(f"http://127.0.0.1:{front}/files/a.txt", proxy, tmp_path / f"{kind}.err")
        with httpx.Client(trust_env=False, timeout=20) as http:
            person = Person(found.proxy, http)
            person.log_in("/api/start", uaa, "vera")
        yield found, "; ".join(f"{name}={value}" for name, value in person.jar.items())


def exported(two: Instances, front: int) -> str:
    """Return what is written for Envoy, which asks each instance and goes on to each."""
    command = [sys.executable, "-m", "entryway", "export", "envoy", "-w", ".", "--listen", f"127.0.0.1:{front}"]
    command += [f"--router=127.0.0.1:{port}" for port in two.ports]
    command += [f"--decision=127.0.0.1:{port}" for port in two.decisions]
    return subprocess.run(command, env=two.env, cwd=two.folder, capture_output=True, check=True, text=True).stdout


def test_instances_come_and_go_and_nothing_is_lost(
    instances: tuple[Instances, str], request: pytest.FixtureRequest
) -> None:
    two, cookie = instances
    kind = request.node.callspec.params["instances"]
    with Clients(two.proxy, cookie) as clients:
        for port in two.ports:
            assert two.end(port, signal.SIGTERM) == 0
            two.start(port)
    assert (clients.failed(), clients.lost) == ([], [])
    assert len(clients.answers) > CLIENTS * 10

    with Clients(two.proxy, cookie) as clients:
        for _ in range(2):
            for _, router in two.running.values():
                router.send_signal(signal.SIGHUP)
            time.sleep(0.3)
    assert (clients.failed(), clients.lost) == ([], [])

    with Clients(two.proxy, cookie) as clients:
        two.end(two.ports[0], signal.SIGKILL)
    assert clients.lost == []
    # One request of each client may have been in flight on it; nginx gives those that only ask to the other one.
    assert set(clients.failed()) <= ({("POST", 502)} if kind == "nginx" else {("GET", 503)})
    assert len(clients.failed()) <= CLIENTS
    assert clients.answers[-1][1] == 200


@pytest.mark.parametrize("instances", ["envoy"], indirect=True)
def test_envoy_takes_a_new_file_and_nothing_is_lost(instances: tuple[Instances, str]) -> None:
    two, cookie = instances
    front = free_port()
    (two.folder / "new.yaml").write_text(exported(two, front))
    envoy = [str(Path(sys.executable).with_name("envoy")), "-c", "new.yaml", "-l", "warning", "--base-id", str(front)]
    envoy += ["--drain-time-s", "2", "--parent-shutdown-time-s", "3"]
    with process(envoy, two.env, two.folder, "epoch-0") as first:
        wait_for(f"http://127.0.0.1:{front}/files/a.txt", first, two.folder / "epoch-0.err")
        with ExitStack() as stack, Clients(f"http://localhost:{front}", cookie) as clients:
            stack.enter_context(process([*envoy, "--restart-epoch", "1"], two.env, two.folder, "epoch-1"))
            assert first.wait(30) == 0  # it has handed over, and ended by itself
    assert (clients.failed(), clients.lost) == ([], [])
    assert len(clients.answers) > CLIENTS * 10
