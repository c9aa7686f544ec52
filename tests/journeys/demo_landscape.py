"""The demo as a person starts it: `entryway up` on a copy of the example, with ports of its own."""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).parents[2]
EXAMPLE = REPOSITORY / "examples" / "products"
LEFT_OUT = shutil.ignore_patterns("node_modules", ".entryway", "webapp", "__pycache__")
PORT_NAMES = ("services", "certificates", "gateway", "onpremise-proxy")
MODULES = ("products-router", "products-backend")
START_SECONDS = 120.0
STOP_SECONDS = 30.0


@dataclass(frozen=True)
class Landscape:
    """Where everything of a started demo is; `process` is `entryway up`."""

    folder: Path
    log: Path
    ports: dict[str, int]
    process: subprocess.Popen[bytes]
    by_hand: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://localhost:{self.ports['products-router']}"

    @property
    def backend_url(self) -> str:
        return f"http://localhost:{self.ports['products-backend']}"

    @property
    def login_origin(self) -> str:
        return f"https://localhost:{self.ports['services']}"

    @property
    def on_premise_url(self) -> str:
        return f"https://127.0.0.1:{self.ports['on-premise']}/sap/opu/odata/sap/ZENTRYWAY_PRODUCTS_SRV/"

    @property
    def state(self) -> Path:
        return self.folder / ".entryway"

    @property
    def ca(self) -> Path:
        return self.state / "ca" / "ca.pem"

    def output(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def entryway(self, *arguments: str) -> str:
        """Run a command beside the demo, and return what it prints."""
        done = subprocess.run(
            [sys.executable, "-m", "entryway", *arguments],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"entryway {arguments[0]} ended with {done.returncode}: {done.stderr}"
        return done.stdout.strip()

    @contextmanager
    def without(self, *words: str) -> Iterator[None]:
        """Kill the process whose command line has these words, as a crash would, and start it again afterwards."""
        pid = self.process_id(*words)
        proc = Path("/proc") / str(pid)
        arguments = _entries(proc / "cmdline")
        environment = dict(entry.split("=", 1) for entry in _entries(proc / "environ") if "=" in entry)
        folder = (proc / "cwd").readlink()
        os.kill(pid, signal.SIGKILL)
        try:
            yield
        finally:
            # The landscape restarts nothing by itself.
            with (self.folder / "by-hand.log").open("ab") as output:
                self.by_hand.append(
                    subprocess.Popen(arguments, env=environment, cwd=folder, stdout=output, stderr=subprocess.STDOUT)
                )

    def process_id(self, *words: str) -> int:
        """Return the id of the only process of this landscape whose command line has these words side by side."""
        found = [pid for pid, arguments in self.processes() if _side_by_side(words, arguments)]
        assert len(found) == 1, f"{len(found)} processes run {' '.join(words)}:\n{self.output()[-4000:]}"
        return found[0]

    def processes(self) -> list[tuple[int, list[str]]]:
        """Return the processes that work in the demo's folder or name it: nobody else's."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    arguments = _entries(entry / "cmdline")
                    folder = (entry / "cwd").readlink()
                except OSError:
                    continue
                if folder.is_relative_to(self.folder) or any(str(self.folder) in each for each in arguments):
                    found.append((int(entry.name), arguments))
        return found


def build_page() -> None:
    """Build the example's page unless that was done already, and say why if it cannot be done."""
    done = subprocess.run([sys.executable, EXAMPLE / "setup.py"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.fail(f"examples/products/setup.py failed:\n{done.stdout}{done.stderr}")


def copy(folder: Path) -> tuple[Path, dict[str, int]]:
    """Copy the example, and give it ports of its own and a third user who has no role."""
    example = folder / "products"
    shutil.copytree(EXAMPLE, example, ignore=LEFT_OUT)
    ports = dict(zip((*PORT_NAMES, *MODULES, "on-premise"), free_ports(7), strict=True))
    _adapt(example / "entryway.yaml", ports)
    return example, ports


def start(example: Path, ports: dict[str, int]) -> Landscape:
    """Start a copy of the example, and return when a browser could open it."""
    log = example.parent / "up.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "entryway", "up", str(example)],
            cwd=example,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_end_with_the_tests,  # noqa: PLW1509 -- one system call, and the tests have one thread
        )
    landscape = Landscape(example, log, ports, process)
    try:
        _wait_until_ready(landscape)
    except BaseException:
        stop(landscape)
        raise
    return landscape


def stop(landscape: Landscape) -> int:
    """Press Ctrl-C and return the exit code."""
    for process in landscape.by_hand:
        process.terminate()
        process.wait(STOP_SECONDS)
    if landscape.process.poll() is None:
        landscape.process.send_signal(signal.SIGINT)
    try:
        return landscape.process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        landscape.process.kill()
        raise


def _end_with_the_tests() -> None:
    """Have the kernel press Ctrl-C if the test run is killed: nothing may stay behind."""
    set_parent_death_signal = 1
    ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGINT)


def free_ports(count: int) -> list[int]:
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def _adapt(file: Path, ports: dict[str, int]) -> None:
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    document["ports"] = {name: ports[name] for name in PORT_NAMES} | {
        "modules": {name: ports[name] for name in MODULES}
    }
    (system,) = document["on-premise"]["systems"]
    system["internal"] = f"https://127.0.0.1:{ports['on-premise']}"
    document["users"].append({"name": "carol", "password": "carol-may-nothing"})
    file.write_text(yaml.safe_dump(document), encoding="utf-8")


def _wait_until_ready(landscape: Landscape) -> None:
    """Return when `up` has said that all is ready: it prints the URL only then."""
    printed = re.compile(re.escape(landscape.url) + r"\b")
    deadline = time.monotonic() + START_SECONDS
    while not printed.search(landscape.output()):
        if landscape.process.poll() is not None:
            pytest.fail(f"`entryway up` ended with {landscape.process.returncode}:\n{landscape.output()[-8000:]}")
        if time.monotonic() > deadline:
            pytest.fail(f"`entryway up` was not ready after {START_SECONDS:.0f} s:\n{landscape.output()[-8000:]}")
        time.sleep(0.1)


def _entries(file: Path) -> list[str]:
    return file.read_bytes().decode(errors="replace").rstrip("\0").split("\0")


def _side_by_side(words: tuple[str, ...], arguments: list[str]) -> bool:
    return any(tuple(arguments[at : at + len(words)]) == words for at in range(len(arguments)))
