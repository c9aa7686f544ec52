"""Whether any request or session is lost: under load, at a reload, while an instance drains, and when one is killed.

python benchmarks/router_losses.py [--seconds 6] [--connections 64] [--keep-all]

Two instances of the application of `router.py` share their sessions in a Redis and stand behind nginx, which passes a
request on to the other instance when one is not there (`proxy_next_upstream`, as it is by default: never a POST that
was sent), and keeps connections for GET and HEAD alone, unless `--keep-all` is given. Clients with sessions send GET
and POST in turns over kept-alive connections without a pause, to a backend that takes a few milliseconds. Every answer
must be 200 and the backend's own; a request may be lost only if it was in flight on the instance that was killed. No
POST may reach the backend twice.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from entryway.http import Headers, Request, Response, Server
from measure import free_port, nginx, process
from neighbours import Neighbours, application, running_neighbours, running_redis, share_sessions
from router import login, silenced

BACKEND_SECONDS = 0.005
SESSIONS = 16
NUMBER = b"x-number"
SCENARIOS = count()
# max_fails=0: nginx would not ask an instance for a while that is back already.
SERVERS = "server 127.0.0.1:{0} max_fails=0; server 127.0.0.1:{1} max_fails=0;"
UPSTREAM = f"""
upstream kept {{{{ {SERVERS} keepalive 64; }}}}
upstream fresh {{{{ {SERVERS} }}}}
map $request_method $routers {{{{ default {{2}}; GET kept; HEAD kept; }}}}
"""
LOCATION = (
    'proxy_pass http://$routers; proxy_http_version 1.1; proxy_set_header Connection "";'
    " proxy_set_header Host $http_host;"
)


async def serve_backend(port: int) -> None:
    """Echo the number of each request after a while; tell which numbers came more than once."""
    seen: Counter[bytes] = Counter()

    async def handle(request: Request) -> Response:
        await request.body.read()
        if request.target == "/twice":
            return Response(200, Headers(), str(sum(times > 1 for times in seen.values())).encode())
        number = request.headers.get(NUMBER) or b""
        if request.method == "POST":
            seen[number] += 1
        await asyncio.sleep(BACKEND_SECONDS)
        return Response(200, Headers(), number)

    server = Server(handle)
    await server.listen("127.0.0.1", port)
    await asyncio.Event().wait()


@dataclass
class Outcome:
    """What became of the requests of one scenario."""

    answered: int = 0
    lost: dict[int, str] = field(default_factory=dict)
    logged_out: int = 0
    in_flight: set[int] = field(default_factory=set)
    in_flight_when_killed: set[int] = field(default_factory=set)

    def told(self) -> str:
        """Return it in words: a request may be lost only if it was in flight when an instance was killed."""
        excused = {number: why for number, why in self.lost.items() if number in self.in_flight_when_killed}
        others = {number: why for number, why in self.lost.items() if number not in excused}
        text = f"{self.answered} answered, {len(others)} lost {dict(Counter(others.values())) or ''}".rstrip()
        if self.in_flight_when_killed:
            text += f" besides {len(excused)} of the {len(self.in_flight_when_killed)} in flight when killed "
            text += f"{dict(Counter(excused.values()))}"
        return f"{text}, {self.logged_out} logged out"


@dataclass
class Clients:
    """Clients that ask without a pause until they are told to stop."""

    port: int
    cookies: list[str]
    outcome: Outcome = field(default_factory=Outcome)
    stopping: bool = False
    number: int = 0

    async def ask_on(self, cookie: str) -> None:
        reader = writer = None
        while not self.stopping:
            self.number += 1
            number = self.number
            self.outcome.in_flight.add(number)
            method = "POST" if number % 2 else "GET"
            try:
                if writer is None:
                    reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                status, body, closes, said = await self._ask(reader, writer, method, number, cookie)
            except (OSError, asyncio.IncompleteReadError) as error:
                self.outcome.lost[number] = f"{method}: {type(error).__name__}"
                closes = True
            else:
                self._note(method, status, body, number, said)
            self.outcome.in_flight.discard(number)
            if closes and writer is not None:
                writer.close()
                reader = writer = None
        if writer is not None:
            writer.close()

    def _note(self, method: str, status: int, body: bytes, number: int, said: str) -> None:
        if status == 200 and body == str(number).encode():
            self.outcome.answered += 1
        elif status in (302, 401) or status == 200:
            self.outcome.logged_out += 1
        else:
            self.outcome.lost[number] = f"{method}: {status} {said}"

    async def _ask(self, reader, writer, method: str, number: int, cookie: str) -> tuple[int, bytes, bool, str]:
        length = "content-length: 2\r\n" if method == "POST" else ""
        head = f"{method} /api/x HTTP/1.1\r\nhost: localhost\r\ncookie: {cookie}\r\nx-number: {number}\r\n{length}\r\n"
        writer.write(head.encode() + (b"{}" if method == "POST" else b""))
        answer = (await reader.readuntil(b"\r\n\r\n")).lower()
        fields = dict(line.split(b": ", 1) for line in answer.split(b"\r\n")[1:] if b": " in line)
        if fields.get(b"transfer-encoding") == b"chunked":
            body = b""
            while size := int(await reader.readline(), 16):
                body += (await reader.readexactly(size + 2))[:-2]
            await reader.readline()
        else:
            body = await reader.readexactly(int(fields.get(b"content-length", b"0")))
        said = fields.get(b"entryway-error", b"by nginx").decode()
        return int(answer.split()[1]), body, fields.get(b"connection") == b"close", said


class Instances:
    """Two routers that can be reloaded, stopped, killed and started again."""

    def __init__(self, app: Path, env: dict[str, str]) -> None:
        self.app, self.env = app, env
        self.ports = [free_port(), free_port()]
        self.stacks = [ExitStack(), ExitStack()]
        self.pids = [0, 0]

    def start(self, which: int) -> None:
        command = [sys.executable, "-m", "entryway.router", "-w", str(self.app)]
        env = {**self.env, "PORT": str(self.ports[which])}
        with silenced():
            self.pids[which] = self.stacks[which].enter_context(process(command, port=self.ports[which], env=env))

    def kill(self, which: int) -> None:
        """Kill one; no client sends anything until it is gone, so that what was in flight on it is known."""
        os.kill(self.pids[which], signal.SIGKILL)
        # The last of its threads closes its sockets; until then it takes connections.
        os.waitid(os.P_PID, self.pids[which], os.WEXITED | os.WNOWAIT)

    async def end(self, which: int, how: signal.Signals) -> None:
        os.kill(self.pids[which], how)
        await asyncio.to_thread(self.stacks[which].close)

    async def restart(self, which: int) -> None:
        await asyncio.to_thread(self.start, which)


Disturbance = Callable[[Instances, Clients], Awaitable[None]]


async def nothing(instances: Instances, clients: Clients) -> None:
    del instances, clients


async def reload(instances: Instances, clients: Clients) -> None:
    """Reload both instances, five times, with another configuration each time."""
    del clients
    file = instances.app / "xs-app.json"
    for version in range(5):
        document = json.loads(file.read_text()) | {"responseHeaders": [{"name": "x-version", "value": str(version)}]}
        written = file.with_suffix(".new")
        written.write_text(json.dumps(document))
        written.rename(file)
        for pid in instances.pids:
            os.kill(pid, signal.SIGHUP)
        await asyncio.sleep(0.5)


async def drain(instances: Instances, clients: Clients) -> None:
    """Replace both instances, one after the other, twice."""
    del clients
    for which in (0, 1, 0, 1):
        await instances.end(which, signal.SIGTERM)
        await instances.restart(which)
        await asyncio.sleep(0.5)


async def kill(instances: Instances, clients: Clients) -> None:
    """Kill one instance, start it again, kill the other."""
    for which in (0, 1):
        clients.outcome.in_flight_when_killed |= clients.outcome.in_flight
        instances.kill(which)
        await instances.end(which, signal.SIGKILL)
        await instances.restart(which)
        await asyncio.sleep(0.5)


async def scenario(
    disturb: Disturbance, instances: Instances, clients: Clients, seconds: int, connections: int
) -> Outcome:
    cookies = clients.cookies
    asking = [asyncio.create_task(clients.ask_on(cookies[n % len(cookies)])) for n in range(connections)]
    ends = time.monotonic() + seconds
    await asyncio.sleep(0.5)
    await disturb(instances, clients)
    await asyncio.sleep(max(ends - time.monotonic(), 0.5))
    clients.stopping = True
    await asyncio.gather(*asking)
    return clients.outcome


def run(folder: Path, seconds: int, connections: int, *, keep_all: bool) -> None:
    with ExitStack() as stack:
        neighbours = stack.enter_context(running_neighbours(folder))
        backend, front = free_port(), free_port()
        stack.enter_context(process([sys.executable, __file__, "--serve-backend", str(backend)], port=backend))
        app, env = application(folder / "app", Neighbours(backend, neighbours.uaa))
        env |= share_sessions(app, stack.enter_context(running_redis(folder / "redis")))
        document = json.loads((app / "xs-app.json").read_text())
        for route in document["routes"]:
            route["csrfProtection"] = False
        (app / "xs-app.json").write_text(json.dumps(document))
        instances = Instances(app, env)
        for which in (0, 1):
            instances.start(which)
            stack.callback(instances.stacks[which].close)
        upstream = UPSTREAM.format(*instances.ports, "kept" if keep_all else "fresh")
        stack.enter_context(nginx(folder, "front", front, LOCATION, upstream))
        cookies = [login(instances.ports[n % 2], "/api/x") for n in range(SESSIONS)]
        for disturb in (nothing, reload, drain, kill):
            clients = Clients(front, cookies, number=next(SCENARIOS) * 10_000_000)
            outcome = asyncio.run(scenario(disturb, instances, clients, seconds, connections))
            print(f"{disturb.__name__}: {outcome.told()}")
        print(f"sent twice to the backend: {twice(backend)}")


def twice(backend: int) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", backend)
    connection.request("GET", "/twice")
    return int(connection.getresponse().read())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=6)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--keep-all", action="store_true", help="let nginx send POST on connections that it kept, too")
    parser.add_argument("--serve-backend", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve_backend:
        asyncio.run(serve_backend(arguments.serve_backend))
        return
    with tempfile.TemporaryDirectory() as name:
        run(Path(name), arguments.seconds, arguments.connections, keep_all=arguments.keep_all)


if __name__ == "__main__":
    main()
