"""Everything behind and around a proxy, for real: authorization server, router, backend, and a browser's part."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote, urlsplit

import httpx
from websockets.sync.server import ServerConnection, serve
from websockets.typing import Subprotocol

from entryway.http import Headers, Request, Response
from entryway.testing.authserver import RunningAuthServer
from entryway.testing.serving import free_port
from entryway.testing.upstream import RecordingUpstream

DOCS = Path(__file__).parents[2] / "docs"
PASSWORD = "a password for a test"
NOTE = 'costs $5, 100% "sure"'
SECURITY = {
    "xsappname": "shop",
    "scopes": [{"name": "$XSAPPNAME.viewer"}, {"name": "$XSAPPNAME.editor"}],
    "role-templates": [{"name": "Viewer", "scope-references": ["$XSAPPNAME.viewer"]}],
    "role-collections": [{"name": "Shop Viewer", "role-template-references": ["$XSAPPNAME.Viewer"]}],
    "oauth2-configuration": {"redirect-uris": ["http://localhost:*/login/callback"]},
}
ROUTES = [
    # Dots and a dollar mean to proxies what they mean to JavaScript; a query takes part.
    {"source": r"^/files/(.*\.txt)$", "target": "$1", "localDir": "resources", "authenticationType": "none"},
    {"source": "^/q\\?v=(\\d+)$", "target": "/versions/$1", "destination": "b", "authenticationType": "none"},
    {"source": "^/edit/(.*)$", "destination": "b", "scope": "$XSAPPNAME.editor"},
    {"source": "^/api/(.*)$", "target": "/in/$1", "destination": "b", "scope": "$XSAPPNAME.viewer"},
    {"source": "^/ahead(?=/x)", "destination": "b", "authenticationType": "none"},
    {"source": "^/public/(.*)$", "destination": "b", "authenticationType": "none"},
    {"source": "^/far/(.*)$", "target": "/$1", "destination": "far", "authenticationType": "none"},
    {"source": "^/user/(.*)$", "target": "/user-api/$1", "service": "sap-approuter-userapi"},
    {"source": "^/live/(.*)$", "target": "/in/$1", "destination": "live", "scope": "$XSAPPNAME.viewer"},
]


class SocketBackend:
    """A backend that echoes what comes over web sockets, and keeps the requests that opened them."""

    def __init__(self) -> None:
        self.requests: list[Any] = []
        self.server = serve(self.echo, "127.0.0.1", 0, subprotocols=[Subprotocol("chat")])
        self.thread = threading.Thread(target=self.server.serve_forever)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.socket.getsockname()[1]}"

    def echo(self, connection: ServerConnection) -> None:
        self.requests.append(connection.request)
        for message in connection:
            if message == "close-me":
                connection.close(4001, "asked")
            else:
                connection.send(message)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.thread.join(10)


@dataclass
class Person:
    """A browser, as far as a login needs one: cookies by host name, redirects by hand."""

    proxy: str
    http: httpx.Client
    jar: dict[str, str] = field(default_factory=dict)

    def send(self, method: str, path: str, content: bytes | None = None, **headers: str) -> httpx.Response:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.jar and "cookie" not in sent:
            sent["cookie"] = "; ".join(f"{name}={value}" for name, value in self.jar.items())
        # The path goes out as it is written here.
        exact = {"target": path.encode()}
        answer = self.http.request(method, self.proxy, headers=sent, content=content, extensions=exact)
        self.keep(answer)
        return answer

    def page(self, path: str) -> httpx.Response:
        return self.send("GET", path, accept="text/html", user_agent="Mozilla/5.0")

    def keep(self, answer: httpx.Response) -> None:
        for line in answer.headers.get_list("set-cookie"):
            name, _, value = line.partition(";")[0].partition("=")
            if "max-age=0" in line.lower():
                self.jar.pop(name, None)
            else:
                self.jar[name] = value

    def log_in(self, path: str, uaa: RunningAuthServer, name: str) -> str:
        """Go the whole way from a page to the page, and return where it ended."""
        answer = self.page(path)
        while answer.status_code in (302, 307):
            answer = self.page(answer.headers["location"])
        assert answer.status_code == 200, f"{answer.status_code} {answer.text}"
        signature = re.search(r'signature=([^;"]+);', answer.text)
        url = re.search(r'location=("[^"]+")</script>', answer.text)
        assert signature is not None, answer.text
        assert url is not None, answer.text
        self.jar["locationAfterLogin"], self.jar["signature"] = quote(path, safe=""), signature[1]
        browser = uaa.browser()
        with browser.http:
            login = browser.http.get(unescape(json.loads(url[1])))
            back = browser.submit(login, name, PASSWORD).headers["location"]
        parts = urlsplit(back)
        assert f"{parts.scheme}://{parts.netloc}" == self.proxy, back
        arrived = self.page(f"{parts.path}?{parts.query}")
        assert arrived.status_code == 302, f"{arrived.status_code} {arrived.text}"
        return str(arrived.headers["location"])


@dataclass
class Behind:
    """The application behind a proxy."""

    folder: Path
    proxy: str
    uaa: RunningAuthServer
    backend: RecordingUpstream
    sockets: SocketBackend
    stack: ExitStack

    def person(self) -> Person:
        return Person(self.proxy, self.stack.enter_context(httpx.Client(trust_env=False, timeout=20)))

    def viewer(self) -> Person:
        person = self.person()
        person.log_in("/api/start", self.uaa, "vera")
        return person

    def last(self) -> Any:
        return self.backend.requests[-1]


async def answer(request: Request) -> Response:
    """Answer like a backend that sets headers itself."""
    headers = [(b"content-type", b"text/plain"), (b"x-mine", b"1")]
    if "framed" in request.target:
        headers.append((b"x-frame-options", b"DENY"))
    if "elsewhere" in request.target:
        headers += [(b"x-accel-redirect", b"/entryway/decision"), (b"x-sendfile", b"/etc/passwd")]
    if "refused" in request.target:
        return Response(403, Headers(headers), b"the backend says no")
    return Response(200, Headers(headers), b"from the backend")


@contextmanager
def process(command: list[str], env: dict[str, str], folder: Path, name: str) -> Iterator[subprocess.Popen[bytes]]:
    out, error = (folder / f"{name}.out").open("wb"), (folder / f"{name}.err").open("wb")
    with out, error, subprocess.Popen(command, env=env, stdout=out, stderr=error, cwd=folder) as running:
        try:
            yield running
        finally:
            running.terminate()
            try:
                running.wait(15)
            except subprocess.TimeoutExpired:
                running.kill()


def wait_for(url: str, running: subprocess.Popen[Any], log: Path, client: httpx.Client | None = None) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            client.get(url) if client is not None else httpx.get(url, trust_env=False, timeout=5)
        except httpx.TransportError:
            assert running.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        else:
            return


def proxy_command(kind: str, folder: Path) -> list[str]:
    """Return what starts the proxy on its configuration."""
    if kind == "caddy":
        caddy = shutil.which("caddy")
        assert caddy is not None, "Caddy is not installed: scripts/system-packages caddy"
        return [caddy, "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]
    if kind == "envoy":
        envoy = Path(sys.executable).with_name("envoy")
        return [
            str(envoy),
            "-c",
            str(folder / "exported.yaml"),
            "-l",
            "warning",
            "--disable-hot-restart",
            "--concurrency",
            "1",
        ]
    temporary = "".join(
        f"{name}_temp_path {folder}/temp-{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    main = (
        f"daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log stderr; events {{}}"
        f" http {{ access_log off; {temporary} include {folder}/exported.yaml; }}"
    )
    (folder / "nginx.conf").write_text(main)
    nginx = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    assert nginx is not None, "nginx is not installed: scripts/system-packages nginx"
    return [nginx, "-p", str(folder), "-c", str(folder / "nginx.conf")]


def write_application(
    folder: Path, uaa: RunningAuthServer, backend: RecordingUpstream, sockets: SocketBackend
) -> dict[str, str]:
    """Write the files of the application and return the variables that go with them."""
    (folder / "resources").mkdir()
    (folder / "resources" / "a.txt").write_text("a file")
    xs_app = {
        "welcomeFile": "/files/a.txt",
        "routes": ROUTES,
        "logout": {"logoutEndpoint": "/do/logout"},
        "responseHeaders": [{"name": "x-note", "value": NOTE}],
        "cors": [
            {
                "uriPattern": "^/public/",
                "allowedOrigin": [{"host": "friend.example", "protocol": "https"}],
                "allowedMethods": ["GET"],
            }
        ],
        "websockets": {"enabled": True},
    }
    (folder / "xs-app.json").write_text(json.dumps(xs_app))
    application = uaa.deploy(SECURITY)
    uaa.user("vera", PASSWORD, ["Shop Viewer"])
    (folder / "default-services.json").write_text(json.dumps({"uaa": application.credentials}))
    far = {"name": "far", "url": "http://far.example", "proxyHost": backend.host, "proxyPort": backend.port}
    near = {"name": "b", "url": f"{backend.url}/base", "forwardAuthToken": True}
    return {
        "destinations": json.dumps([near, far, {"name": "live", "url": sockets.url, "forwardAuthToken": True}]),
        "TRUSTED_PROXIES": "127.0.0.1",
        "NODE_EXTRA_CA_CERTS": str(uaa.ca_file),
        "PATH": os.environ["PATH"],
        "NO_PROXY": "*",
    }


def start(kind: str, folder: Path, uaa: RunningAuthServer, backend: RecordingUpstream, stack: ExitStack) -> Behind:
    """Start the application with a proxy of this kind in front."""
    sockets = stack.enter_context(SocketBackend())
    variables = write_application(folder, uaa, backend, sockets)
    router, decision = free_port(), free_port()
    env = variables | {"PORT": str(router), "ENTRYWAY_DECISION_PORT": str(decision)}
    running = stack.enter_context(process([sys.executable, "-m", "entryway.router", "-w", "."], env, folder, "router"))
    wait_for(f"http://127.0.0.1:{router}/files/a.txt", running, folder / "router.err")
    proxy = start_proxy(kind, folder, env, stack)
    return Behind(
        folder, f"http://localhost:{proxy}", uaa, backend, sockets, stack,
    )  # fmt: skip


def documented_caddyfile(env: dict[str, str], port: int) -> str:
    """Return the file that the documentation shows, with the addresses that are in use here."""
    [text] = re.findall(r"```caddyfile\n(.*?)```", (DOCS / "behind-a-proxy.md").read_text(), flags=re.DOTALL)
    backend = json.loads(env["destinations"])[0]["url"].removesuffix("/base")
    addresses = {
        "http://localhost:8080": f"http://localhost:{port}, http://127.0.0.1:{port}",
        "127.0.0.1:5000": f"127.0.0.1:{env['PORT']}",
        "127.0.0.1:5001": f"127.0.0.1:{env['ENTRYWAY_DECISION_PORT']}",
        "http://127.0.0.1:7000": backend,
        "header ?X-Frame-Options SAMEORIGIN": f"header ?X-Frame-Options SAMEORIGIN\nheader ?X-Note `{NOTE}`",
    }
    for shown, used in addresses.items():
        assert shown in text
        text = text.replace(shown, used)
    return str(text)


def start_proxy(kind: str, folder: Path, env: dict[str, str], stack: ExitStack) -> int:
    """Start a proxy of this kind on what is exported or documented for it, and return its port."""
    port = free_port()
    if kind == "caddy":
        (folder / "Caddyfile").write_text(documented_caddyfile(env, port))
        home = {"PATH": os.environ["PATH"], "HOME": str(folder), "XDG_DATA_HOME": str(folder)}
        running = stack.enter_context(process(proxy_command(kind, folder), home, folder, kind))
        wait_for(f"http://127.0.0.1:{port}/files/a.txt", running, folder / f"{kind}.err")
        return port
    command = [sys.executable, "-m", "entryway", "export", kind, "-w", str(folder), "--listen", f"127.0.0.1:{port}"]
    exported = subprocess.run(command, env=env, capture_output=True, check=False)
    assert exported.returncode == 0, exported.stderr.decode()
    (folder / "exported.yaml").write_bytes(exported.stdout)
    (folder / "remarks").write_bytes(exported.stderr)
    running = stack.enter_context(process(proxy_command(kind, folder), {"PATH": os.environ["PATH"]}, folder, kind))
    wait_for(f"http://127.0.0.1:{port}/files/a.txt", running, folder / f"{kind}.err")
    return port
