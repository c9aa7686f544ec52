"""A tiny application, and `entryway up` as a real process."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from textwrap import dedent

PATIENCE = 90.0

SERVER = """
import http.server, json, os

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"path": self.path, "environment": dict(os.environ)}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

print("srv listens, process", os.getpid())
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def processes_about(text: str) -> list[str]:
    """Return the command lines and working folders of running processes that mention a text."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            place = str((process / "cwd").readlink())
        except OSError:
            continue
        if text in line or text in place:
            found.append(f"{process.name} {line} in {place}")
    return found


class Application:
    """The folder of an application that `entryway up` can start."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        names = ("services", "certificates", "gateway", "onpremise-proxy", "web", "srv", "system")
        self.ports = dict(zip(names, free_ports(len(names)), strict=True))
        for name in ("srv", "web/public"):
            (folder / name).mkdir(parents=True)
        self.write("srv/server.py", SERVER)
        self.write("web/public/index.html", "<h1>Hello</h1>")
        self.write_json(
            "web/xs-app.json",
            {
                "routes": [
                    {
                        "source": "^/public/(.*)$",
                        "target": "$1",
                        "localDir": "public",
                        "authenticationType": "none",
                    },
                    {"source": "^/srv/(.*)$", "target": "/$1", "destination": "srv", "authenticationType": "none"},
                ]
            },
        )
        self.write_json(
            "xs-security.json",
            {
                "xsappname": "tiny",
                "tenant-mode": "dedicated",
                "scopes": [{"name": "$XSAPPNAME.Display"}],
                "role-templates": [{"name": "Viewer", "scope-references": ["$XSAPPNAME.Display"]}],
                "role-collections": [
                    {"name": "Tiny Viewer", "role-template-references": ["$XSAPPNAME.Viewer"]},
                ],
            },
        )
        self.write(
            "mta.yaml",
            """
            _schema-version: "3.3"
            ID: tiny
            version: 1.0.0
            modules:
              - name: srv
                type: python
                path: srv
                parameters: {command: python server.py}
                properties: {GREETING: hello}
                requires: [{name: tiny-uaa}]
                provides: [{name: api, properties: {url: "${default-url}"}}]
              - name: web
                type: approuter.nodejs
                path: web
                requires:
                  - name: tiny-uaa
                  - name: api
                    group: destinations
                    properties: {name: srv, url: "~{url}"}
            resources:
              - name: tiny-uaa
                type: org.cloudfoundry.managed-service
                parameters: {service: xsuaa, service-plan: application, path: xs-security.json}
            """,
        )
        ports = self.ports
        self.landscape: dict[str, object] = {
            "users": [{"name": "anna", "password": "anna-demo", "role-collections": ["Tiny Viewer"]}],
            "ports": {
                "services": ports["services"],
                "gateway": ports["gateway"],
                "onpremise-proxy": ports["onpremise-proxy"],
                "certificates": ports["certificates"],
                "modules": {"web": ports["web"], "srv": ports["srv"]},
            },
        }
        self.write_json("entryway.yaml", self.landscape)

    @property
    def state(self) -> Path:
        return self.folder / ".entryway"

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(dedent(text))

    def write_json(self, name: str, content: object) -> None:
        (self.folder / name).write_text(json.dumps(content, indent=2))

    def change(self, name: str, old: str, new: str) -> None:
        text = (self.folder / name).read_text()
        assert old in text
        (self.folder / name).write_text(text.replace(old, new))


class Up:
    """A running `entryway up`, and what it has written."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        environ = {name: value for name, value in os.environ.items() if name != "FORCE_COLOR"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "entryway", "up", str(folder), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            env=environ,
            start_new_session=True,
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def sees(self, pattern: str) -> re.Match[str]:
        """Return when a line matches; fail if the process ends or time is up before."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if found := re.search(pattern, self.text):
                return found
            if not self._reader.is_alive():
                break
            time.sleep(0.05)
        found = re.search(pattern, self.text)
        assert found, f"no {pattern!r} in:\n{self.text}"
        return found

    def interrupt(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.ends()

    def ends(self) -> int:
        code = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))


def entryway(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    """Run a command of the command line to its end."""
    return subprocess.run(
        [sys.executable, "-m", "entryway", *arguments], capture_output=True, text=True, timeout=PATIENCE, check=False
    )
