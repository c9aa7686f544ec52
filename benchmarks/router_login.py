"""What a login costs the router: CPU time of its process for a whole login flow, over kept-alive connections.

python benchmarks/router_login.py [--logins 2000] [--rounds 2]

A login is what a browser sends for it: the page that needs a login (answered by the login page, with state, PKCE and
the page's fragment kept), and the callback with the code, for which the router redeems it at a small authorization
server of the benchmark (a process of its own), begins a session and answers with its cookie. Then the page is asked for
again, which must succeed; that request is measured apart. The token has 1.8 kB.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
import tempfile
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from urllib.parse import quote, urlsplit

from entryway.http import Client, Headers, Origin, OutgoingRequest
from measure import cpu_seconds, free_port, nginx_upstream, process
from router import silenced, write_application

AT_ONCE = 16
PAGE = "/api/x"
BROWSER = [(b"accept", b"text/html"), (b"user-agent", b"Mozilla/5.0"), (b"accept-encoding", b"identity")]


@dataclass(frozen=True)
class Browser:
    """Sends requests to the router as many browsers do: one connection for each that is under way."""

    client: Client
    origin: Origin

    async def get(self, target: str, cookies: dict[str, str]) -> tuple[int, Headers, str]:
        headers = list(BROWSER)
        if cookies:
            headers.append((b"cookie", "; ".join(f"{name}={value}" for name, value in cookies.items()).encode()))
        answer = await self.client.send(OutgoingRequest("GET", target, self.origin, Headers(headers)))
        body = answer.body if isinstance(answer.body, bytes) else await answer.body.read()
        return answer.status, answer.headers, body.decode()

    async def begin(self) -> tuple[str, dict[str, str]]:
        """Ask for the page, and return where the authorization server will send the browser, with its cookies."""
        _, headers, text = await self.get(PAGE, {})
        cookies = {"locationAfterLogin": quote(PAGE, safe=""), **_cookies(headers)}
        cookies["signature"] = re.search(r'signature=([^;"]+)', text)[1]
        authorize = urlsplit(json.loads(re.search(r'location=("[^"]+")</script>', text)[1]))
        state = re.search(r"state=([^&]+)", authorize.query)[1]
        return f"/login/callback?code=c&state={state}", cookies

    async def come_back(self, callback: str, cookies: dict[str, str]) -> dict[str, str]:
        """Redeem the code, and return the session's cookie."""
        status, headers, _ = await self.get(callback, cookies)
        if status != 302:
            raise RuntimeError(f"the login failed: {status} {headers!r}")
        return {name: value for name, value in _cookies(headers).items() if value.startswith("s%3A")}

    async def arrive(self, session: dict[str, str]) -> None:
        """Ask for the page again, now with a session."""
        status, _, _ = await self.get(PAGE, session)
        if status != 200:
            raise RuntimeError(f"the session is not good for the page: {status}")


def _cookies(headers: Headers) -> dict[str, str]:
    lines = [value.decode("latin-1").partition(";")[0] for name, value in headers.raw if name == b"set-cookie"]
    return dict(line.split("=", 1) for line in lines if "=" in line)


async def all_of(calls):
    """Run coroutine functions, some at once, and return what they return."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(call):
        async with gate:
            return await call()

    return await asyncio.gather(*(one(call) for call in calls))


async def log_in_all(port: int, pid: int, logins: int) -> tuple[float, float, float]:
    """Return what the router spent on each login page, each callback and each first request, in µs."""
    client = Client()
    browser = Browser(client, Origin("http", "127.0.0.1", port))
    marks = [cpu_seconds(pid)]
    begun = await all_of([browser.begin] * logins)
    marks.append(cpu_seconds(pid))
    sessions = await all_of([lambda each=each: browser.come_back(*each) for each in begun])
    marks.append(cpu_seconds(pid))
    await all_of([lambda each=each: browser.arrive(each) for each in sessions])
    marks.append(cpu_seconds(pid))
    await client.close()
    steps = [(later - before) / logins * 1e6 for before, later in pairwise(marks)]
    return steps[0], steps[1], steps[2]


def run(logins: int, rounds: int) -> list[tuple[float, float, float]]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        upstream, uaa, port = free_port(), free_port(), free_port()
        (folder / "app").mkdir()
        env = write_application(folder / "app", uaa, upstream, 20) | {"PORT": str(port)}
        server = [sys.executable, str(Path(__file__).with_name("router.py")), "--serve-uaa", str(uaa)]
        command = [sys.executable, "-m", "entryway.router", "-w", str(folder / "app")]
        with (
            nginx_upstream(folder, upstream),
            process(server, port=uaa),
            silenced(),
            process(command, port=port, env=env) as pid,
        ):
            asyncio.run(log_in_all(port, pid, 200))  # warms up
            return [asyncio.run(log_in_all(port, pid, logins)) for _ in range(rounds)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--logins", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=2)
    arguments = parser.parse_args()
    for begin, come_back, arrive in run(arguments.logins, arguments.rounds):
        print(f"a login {begin + come_back:.0f} us: login page {begin:.0f} us, callback {come_back:.0f} us")
        print(f"  and its first request {arrive:.0f} us")


if __name__ == "__main__":
    main()
