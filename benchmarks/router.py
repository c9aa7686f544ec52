"""The router beside nginx and Envoy as plain proxies, in one run: CPU time per request of each process tree.

python benchmarks/router.py [--seconds 6] [--rounds 2] [--pure]

"router" is the package as this Python has it, which in the project's own environment is pure Python; "compiled" is the
wheel as it is installed where there is a compiler, built into build/compiled first (one to two minutes; --pure spares
it).

Both routes have twenty others before them. The authenticated one loads the session, checks a scope, and forwards a
token of about 1.8 kB; CSRF protection and the access log are on. The session comes from a real login at a small server.
nginx and Envoy run twice: bare (one worker, no access log), and as people run them: "nginx, log" writes its access log,
"Envoy, log" writes one in JSON and has its default number of workers. All logs go to /dev/null.
The same application is also served by Granian, through the ASGI adapter.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import http.client
import json
import os
import re
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

from granian import Granian
from granian.constants import Interfaces, Loops

from entryway.http import Headers, Request, Response, Server
from entryway.router.asgi import RouterApplication, create_app
from measure import (
    Figure,
    Subject,
    compiled_site,
    envoy_proxy,
    free_port,
    measure,
    nginx_proxy,
    nginx_upstream,
    process,
    table,
)

CLIENT = {"clientid": "sb-bench!t1", "clientsecret": "benchmark-secret", "xsappname": "bench!t1"}
TOKEN_BYTES = 1800
FOLDER = "BENCHMARK_FOLDER"
BROWSER = {"Accept": "application/json", "User-Agent": "Mozilla/5.0"}


def token() -> str:
    """Return a token of the usual size; nobody checks its signature here, only the router's work is of interest."""
    now = int(time.time())
    claims = {
        "sub": "1", "user_name": "alex", "email": "alex@example.com", "cid": CLIENT["clientid"],
        "aud": [CLIENT["clientid"]], "scope": ["openid", "bench!t1.Display", "bench!t1.Edit"],
        "iat": now, "exp": now + 43200, "padding": "",
    }  # fmt: skip
    missing = TOKEN_BYTES - 390 - len(json.dumps(claims)) * 4 // 3
    claims["padding"] = "x" * (missing * 3 // 4)
    parts = [json.dumps({"alg": "RS256", "typ": "JWT"}), json.dumps(claims), "s" * 256]
    return ".".join(base64.urlsafe_b64encode(part.encode()).rstrip(b"=").decode() for part in parts)


async def serve_uaa(port: int) -> None:
    """An authorization server that says yes to everybody."""

    async def handle(request: Request) -> Response:
        await request.body.read()
        target = urlsplit(request.target)
        if target.path == "/oauth/authorize":
            query = parse_qs(target.query)
            location = f"{query['redirect_uri'][0]}?code=c&state={query['state'][0]}"
            return Response(302, Headers([(b"location", location.encode())]))
        answer = {"access_token": token(), "refresh_token": "r", "expires_in": 43200, "token_type": "bearer"}
        return Response(200, Headers([(b"content-type", b"application/json")]), json.dumps(answer).encode())

    server = Server(handle)
    await server.listen("127.0.0.1", port)
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    await ended.wait()
    await server.close(grace_seconds=0.2)


def login(port: int, path: str) -> str:
    """Log in as a browser does, and return the Cookie header of the session."""
    page = _get(port, path, {})
    cookies = {"locationAfterLogin": quote(path, safe="")}
    cookies["JSESSIONID"] = re.search(r"JSESSIONID=([^;]+)", page.headers["set-cookie"])[1]
    text = page.read().decode()
    cookies["signature"] = re.search(r'signature=([^;"]+)', text)[1]
    authorize = urlsplit(json.loads(re.search(r'location=("[^"]+")</script>', text)[1]))
    back = urlsplit(_get(authorize.port, f"{authorize.path}?{authorize.query}", {}).headers["location"])
    done = _get(port, f"{back.path}?{back.query}", cookies)
    if done.status != 302:
        raise RuntimeError(f"the login failed: {done.status} {done.headers}")
    session = next(line for line in done.headers.get_all("set-cookie") if line.startswith("JSESSIONID=s"))
    return session.partition(";")[0]


def _get(port: int, target: str, cookies: dict[str, str]) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    cookie = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())} if cookies else {}
    connection.request("GET", target, headers=BROWSER | cookie)
    return connection.getresponse()


def write_application(folder: Path, uaa: int, upstream: int, routes_before: int) -> dict[str, str]:
    """Write the router's files, and return its environment."""
    before = [
        {"source": f"/part{index}/(.*)$", "target": "$1", "destination": "backend"} for index in range(routes_before)
    ]
    static = {"source": "^/files/(.*)$", "target": "$1", "localDir": "files", "authenticationType": "none"}
    routes = [
        *before,
        {"source": "^/public/(.*)$", "target": "$1", "destination": "backend", "authenticationType": "none"},
        {"source": "^/api/(.*)$", "target": "$1", "destination": "backend", "scope": "$XSAPPNAME.Display"},
        static,
    ]
    (folder / "xs-app.json").write_text(json.dumps({"routes": routes}))
    (folder / "files").mkdir()
    (folder / "files" / "app.js").write_text("// small\n" * 100)
    credentials = CLIENT | {"url": f"http://127.0.0.1:{uaa}", "uaadomain": f"127.0.0.1:{uaa}"}
    (folder / "default-services.json").write_text(json.dumps({"uaa": credentials}))
    destination = {"name": "backend", "url": f"http://127.0.0.1:{upstream}", "forwardAuthToken": True}
    return {"destinations": json.dumps([destination])}


def routes_of(name: str, pid: int, port: int) -> list[Subject]:
    """Return what is asked of a router."""
    at = f"http://127.0.0.1:{port}"
    return [
        Subject(f"{name}, public route", pid, f"{at}/public/x"),
        Subject(f"{name}, authenticated route", pid, f"{at}/api/x", {"Cookie": login(port, "/api/x")}),
        Subject(f"{name}, static file", pid, f"{at}/files/app.js"),
    ]


def compare(seconds: int, rounds: int, compiled: Path | None) -> list[Figure]:
    """Measure everything, several times, and return the best round of each: the others had to share the machine."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as running:
        folder = Path(name)
        upstream, reference, logging, envoy, usual, uaa, asgi = (free_port() for _ in range(7))
        app = folder / "app"
        app.mkdir()
        env = write_application(app, uaa, upstream, 20)
        me = [sys.executable, __file__]
        native = [sys.executable, "-m", "entryway.router", "-w", str(app)]
        adapted = [*me, "--serve-asgi", str(asgi), str(app)]
        running.enter_context(nginx_upstream(folder, upstream))
        nginx_pid = running.enter_context(nginx_proxy(folder, reference, upstream))
        logging_pid = running.enter_context(nginx_proxy(folder, logging, upstream, logs=True))
        envoy_pid = running.enter_context(envoy_proxy(folder, envoy, upstream))
        usual_pid = running.enter_context(envoy_proxy(folder, usual, upstream, as_usual=True))
        running.enter_context(process([*me, "--serve-uaa", str(uaa)], port=uaa))
        subjects = [
            Subject("nginx", nginx_pid, f"http://127.0.0.1:{reference}/x"),
            Subject("nginx, log", logging_pid, f"http://127.0.0.1:{logging}/x"),
            Subject("Envoy", envoy_pid, f"http://127.0.0.1:{envoy}/x"),
            Subject("Envoy, log", usual_pid, f"http://127.0.0.1:{usual}/x"),
        ]
        builds = (
            {"router": {}} if compiled is None else {"router": {}, "router compiled": {"PYTHONPATH": str(compiled)}}
        )
        with silenced():
            for build, own in builds.items():
                port = free_port()
                pid = running.enter_context(process(native, port=port, env=env | own | {"PORT": str(port)}))
                subjects += routes_of(build, pid, port)
            asgi_pid = running.enter_context(process(adapted, port=asgi, env=env))
            cookie = {"Cookie": login(asgi, "/api/x")}
            subjects.append(
                Subject("authenticated, ASGI on Granian", asgi_pid, f"http://127.0.0.1:{asgi}/api/x", cookie)
            )
            taken = [[measure(subject, seconds=seconds) for subject in subjects] for _ in range(rounds)]
        return [min(figures, key=lambda figure: figure.cpu_us) for figures in zip(*taken, strict=True)]


def serve_asgi(port: int, folder: str) -> None:
    """The application through the ASGI adapter, on one worker of Granian."""
    os.environ[FOLDER] = folder
    Granian(
        "router:application",
        port=port,
        interface=Interfaces.ASGI,
        loop=Loops.uvloop,
        factory=True,
        backlog=2048,
        log_enabled=False,
    ).serve()


def application() -> RouterApplication:
    """What Granian's worker loads."""
    return create_app(os.environ[FOLDER])


class silenced:  # noqa: N801 - reads as a phrase
    """Send the router's access log to nowhere: it is written all the same."""

    def __enter__(self) -> None:
        sys.stdout.flush()
        self.kept = os.dup(1)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.close(nowhere)

    def __exit__(self, *_: object) -> None:
        os.dup2(self.kept, 1)
        os.close(self.kept)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--pure", action="store_true", help="measure no compiled build")
    parser.add_argument("--serve-uaa", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--serve-asgi", nargs=2, metavar=("PORT", "FOLDER"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve_uaa:
        asyncio.run(serve_uaa(arguments.serve_uaa))
        return
    if arguments.serve_asgi:
        serve_asgi(int(arguments.serve_asgi[0]), arguments.serve_asgi[1])
        return
    compiled = None if arguments.pure else compiled_site()
    print(table(compare(arguments.seconds, arguments.rounds, compiled), "nginx", "nginx, log", "Envoy", "Envoy, log"))


if __name__ == "__main__":
    main()
