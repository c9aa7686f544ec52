"""What size costs the router: CPU time per authenticated request with many routes, many sessions, and a shared store.

python benchmarks/router_scale.py [--seconds 3] [--rounds 3] [--sessions 100000]

The application is the one of `router.py`: twenty routes before the one that is asked for. Beside it, in turns:
the same with a thousand routes of the forms that applications have; with the sessions of a hundred thousand users in
memory, of which a thousand or all are asked for one after the other; and with its sessions in a Redis that the
benchmark starts. A router remembers heads that come again; where all sessions are asked for in turn none does, so that
is compared with one session whose heads never come again. All are loaded by one script of wrk, which reads cookies from
a file: a script makes wrk slower, and with it the router less busy and each request dearer. Last, what it costs to
fetch a session from Redis that the process has not seen.

The sessions in memory are put there by the store's own methods, in a process that serves as any router does. Memory is
what the process grew by; what tokens take of it (token, header, refresh token) is told apart.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import gc
import json
import os
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import uvloop

from entryway.clients.tokens import TokenSet
from entryway.http import Client, Origin
from entryway.router.build import build
from entryway.router.configuration import read_configuration
from entryway.router.fronts import EngineFront
from entryway.router.user_token import read_login
from entryway.telemetry import configure_logging
from measure import cpu_seconds, free_port, memory_mb, process, wrk
from neighbours import (
    Neighbours,
    RunningRouter,
    application,
    running_neighbours,
    running_redis,
    running_router,
    share_sessions,
)
from router import CLIENT, TOKEN_BYTES, login, silenced
from router_login import Browser, all_of

ROUTES = 1000
FRESH = 2000
ASKED = 1000
NEW_HEADS = "20 routes, one session, heads that never come again"
ROTATE = """
local cookies = {}
for line in io.lines("%s") do cookies[#cookies + 1] = line end
local at, number = 0, 0
request = function()
  at, number = at %% #cookies + 1, number + 1
  return wrk.format("GET", "/api/x", {["Cookie"] = cookies[at], ["X-Number"] = %s})
end
"""


def write_many_routes(app: Path) -> None:
    """Put a thousand routes before the one that is asked for, in the forms that applications have."""
    document = json.loads((app / "xs-app.json").read_text())
    forms = ["^/part{}/(.*)$", "^/part{}(.*)$", "^/odata/v4/service{}/(.*)$", "/anywhere{}/(.*)$", "^/page{}.html$"]
    many = [{"source": forms[n % len(forms)].format(n), "destination": "backend"} for n in range(ROUTES - 3)]
    document["routes"] = many + document["routes"][-3:]
    (app / "xs-app.json").write_text(json.dumps(document))


def user_tokens(number: int) -> TokenSet:
    """Return what the authorization server would give one user of many; every user has a token of their own."""
    now = int(time.time())
    claims = {
        "sub": f"user-{number}", "user_name": f"user{number}@example.com", "email": f"user{number}@example.com",
        "given_name": f"Given{number}", "family_name": f"Family{number}", "zid": "tenant", "cid": CLIENT["clientid"],
        "aud": [CLIENT["clientid"]], "scope": ["openid", "bench!t1.Display", "bench!t1.Edit"],
        "iat": now, "exp": now + 43200,
    }  # fmt: skip
    padding = (TOKEN_BYTES - 390 - len(json.dumps(claims)) * 4 // 3) * 3 // 4
    parts = [json.dumps({"alg": "RS256"}), json.dumps(claims | {"padding": "x" * padding}), f"{number:0256}"]
    token = ".".join(base64.urlsafe_b64encode(part.encode()).rstrip(b"=").decode() for part in parts)
    return TokenSet(token, f"refresh-{number:032}", None, 43200, "")


async def serve_full(app: Path, sessions: int, cookies: Path) -> None:
    """Serve an application as its own process does, with the sessions of many users in memory."""
    configuration = read_configuration(app, os.environ)
    running = build(configuration)
    front = EngineFront(running)
    maker = running.router.browsers.maker
    gc.collect()
    before, tokens = memory_mb(os.getpid()), 0
    with cookies.open("wb") as lines:
        for number in range(sessions):
            got = user_tokens(number)
            session = maker.new(os.urandom(64), time.time())
            session.login = read_login(got, time.time(), client_id=CLIENT["clientid"], zone_id="", refresh_ahead=300.0)
            tokens += sum(map(sys.getsizeof, (got.access_token, got.refresh_token, session.login.authorization)))
            await running.sessions.save(session)
            lines.write(b"JSESSIONID=" + session.cookie + b"\n")
    gc.collect()
    grown = (memory_mb(os.getpid()) - before) * 1e6
    per_session = {"with_tokens": grown / sessions, "without_tokens": (grown - tokens) / sessions}
    cookies.with_suffix(".json").write_text(json.dumps(per_session))
    await front.listen("127.0.0.1", configuration.environment.port, None)
    await asyncio.Event().wait()


def cost(router: RunningRouter, cookies: Path, seconds: int, *, new_heads: bool = False) -> float:
    """Return the router's CPU time per authenticated request in µs, with the sessions of a file in turn."""
    script = cookies.with_suffix(".lua")
    script.write_text(ROTATE % (cookies, "number" if new_heads else "1"))
    wrk(router.url + "/api/x", seconds=1, script=script)
    before = cpu_seconds(router.pid)
    load = wrk(router.url + "/api/x", seconds=seconds, script=script)
    if load.errors:
        raise RuntimeError(f"{load.errors} requests failed")
    return (cpu_seconds(router.pid) - before) / load.requests * 1e6


def compare(folder: Path, neighbours: Neighbours, seconds: int, rounds: int, sessions: int) -> None:
    with ExitStack() as stack:
        few = stack.enter_context(running_router(*application(folder / "few", neighbours)))
        app, env = application(folder / "many", neighbours)
        write_many_routes(app)
        many = stack.enter_context(running_router(app, env))
        app, env = application(folder / "full", neighbours)
        cookies, port = folder / "cookies", free_port()
        serve = [sys.executable, __file__, "--serve-full", str(app), str(sessions), str(cookies)]
        stack.enter_context(silenced())
        pid = stack.enter_context(process(serve, port=port, env=env | {"PORT": str(port)}, wait=120))
        full, some = RunningRouter(pid, port), folder / "some-cookies"
        app, env = application(folder / "shared", neighbours)
        env |= share_sessions(app, stack.enter_context(running_redis(folder / "redis")))
        shared, other = (stack.enter_context(running_router(app, env)) for _ in range(2))
        lines = cookies.read_text().splitlines()
        some.write_text("\n".join(lines[:: max(len(lines) // ASKED, 1)]) + "\n")
        cookie = {router: folder / f"cookie-{router.port}" for router in (few, many, shared)}
        for router, file in cookie.items():
            file.write_text(login(router.port, "/api/x") + "\n")
        subjects = {
            "20 routes, one session": lambda: cost(few, cookie[few], seconds),
            f"{ROUTES} routes": lambda: cost(many, cookie[many], seconds),
            f"{sessions} sessions in memory, {ASKED} of them in turn": lambda: cost(full, some, seconds),
            "sessions in Redis, served from this process's copy": lambda: cost(shared, cookie[shared], seconds),
            NEW_HEADS: lambda: cost(few, cookie[few], seconds, new_heads=True),
            f"{sessions} sessions in memory, each in turn": lambda: cost(full, cookies, seconds, new_heads=True),
        }
        taken = [[measure() for measure in subjects.values()] for _ in range(rounds)]
        figures = dict(zip(subjects, map(min, zip(*taken, strict=True)), strict=True))
        memory = json.loads(cookies.with_suffix(".json").read_text())
        missed, known = asyncio.run(fetched(shared, other))
    base = figures["20 routes, one session"]
    for name, figure in figures.items():
        if name == NEW_HEADS:
            base = figure
        print(f"{name:<54}{figure:>7.1f} us  x {figure / base:.2f}  {figure - base:+.1f} us")
    print(f"a session that this process fetches from Redis: {missed:.0f} us, asked for again {known:.0f} us")
    print(f"memory of a session: {memory['with_tokens']:.0f} bytes, {memory['without_tokens']:.0f} besides its tokens")


async def fetched(made_at: RunningRouter, asked_at: RunningRouter) -> tuple[float, float]:
    """Return what requests cost whose session the process fetches from Redis, and the same requests once more."""
    client = Client()
    first, second = (Browser(client, Origin("http", "127.0.0.1", router.port)) for router in (made_at, asked_at))
    begun = await all_of([first.begin] * FRESH)
    sessions = await all_of([lambda each=each: first.come_back(*each) for each in begun])
    spent = []
    for _ in range(2):
        before = cpu_seconds(asked_at.pid)
        await all_of([lambda each=each: second.arrive(each) for each in sessions])
        spent.append((cpu_seconds(asked_at.pid) - before) / FRESH * 1e6)
    await client.close()
    return spent[0], spent[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sessions", type=int, default=100_000)
    parser.add_argument("--serve-full", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve_full:
        app, sessions, cookies = arguments.serve_full
        configure_logging(json=True)
        uvloop.run(serve_full(Path(app), int(sessions), Path(cookies)))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with running_neighbours(folder) as neighbours:
            compare(folder, neighbours, arguments.seconds, arguments.rounds, arguments.sessions)


if __name__ == "__main__":
    main()
