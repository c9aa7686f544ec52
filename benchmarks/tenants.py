"""What 10,000 tenants and 1,000,000 users cost beside 10 tenants and 100 users, on PostgreSQL.

Ten tenants with ten users each are asked in both databases; the large one has 9,990 more tenants with 100 users each.
The rounds take turns, so that both see the same machine; the median of each question counts.
"""

from __future__ import annotations

import argparse
import itertools
import logging
import multiprocessing
import re
import ssl
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import httpx
import structlog

from entryway.authserver.build import build
from entryway.authserver.settings import AuthServerSettings
from entryway.testing.authority import TestAuthority
from entryway.testing.databases import PostgresServer, execute, running_postgresql
from entryway.testing.serving import served

MEASURED = 10
SECRET = "platform-secret-of-a-benchmark"
PASSWORD = "correct horse"
REDIRECT = "http://localhost:5000/login/callback"
DESCRIPTOR = {
    "xsappname": "orders",
    "scopes": [{"name": "$XSAPPNAME.Display"}],
    "role-templates": [{"name": "Viewer", "scope-references": ["$XSAPPNAME.Display"]}],
    "role-collections": [{"name": "Orders Viewer", "role-template-references": ["$XSAPPNAME.Viewer"]}],
    "oauth2-configuration": {"redirect-uris": [REDIRECT]},
}


def serve(pipe: Connection, folder: str, database_url: str) -> None:
    """Run one authorization server until the pipe closes; tell its address and how long it took to start."""
    # Measured without the log: a terminal would cost more than the server.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    authority = TestAuthority.create(Path(folder))
    started = time.perf_counter()

    def make(url: str) -> object:
        return build(AuthServerSettings(url, database_url, bytes(range(32)), SECRET))

    with served(make, authority) as url:
        pipe.send((url, str(authority.ca_file), time.perf_counter() - started))
        try:
            pipe.recv()
        except EOFError:
            return


@contextmanager
def running(folder: Path, database_url: str) -> Iterator[tuple[httpx.Client, float]]:
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs, str(folder), database_url))
    process.start()
    url, ca_file, seconds = ours.recv()
    tls = ssl.create_default_context(cafile=ca_file)
    try:
        with httpx.Client(base_url=url, verify=tls, timeout=60) as http:
            yield http, seconds
    finally:
        ours.send("stop")
        process.join(30)


class Landscape:
    """One database and the questions that are asked of its server."""

    def __init__(self, http: httpx.Client) -> None:
        self.http = http
        self.turn = itertools.count()
        self.tenants: list[tuple[str, str, str]] = []

    def platform(self, method: str, path: str, body: object = None, zid: str | None = None) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.platform_token()}"} | ({"x-identity-zone-id": zid} if zid else {})
        answer = self.http.request(method, f"/entryway/v1{path}", json=body, headers=headers)
        answer.raise_for_status()
        return answer

    def platform_token(self) -> str:
        answer = self.http.post(
            "/oauth/token", data={"grant_type": "client_credentials"}, auth=("entryway-platform", SECRET)
        )
        return str(answer.raise_for_status().json()["access_token"])

    def make_tenants(self) -> None:
        for number in range(MEASURED):
            zid = self.platform("POST", "/tenants", {"subdomain": f"m{number}", "name": "Measured"}).json()["id"]
            instance = str(uuid.uuid4())
            self.platform("PUT", f"/applications/{instance}", {"plan": "application", "xs_security": DESCRIPTOR}, zid)
            bound = self.platform("PUT", f"/applications/{instance}/bindings/b", None, zid).json()
            for user in range(10):
                body = {"password": PASSWORD, "role_collections": ["Orders Viewer"]}
                self.platform("PUT", f"/users/user{user}", body, zid)
            self.tenants.append((zid, bound["clientid"], bound["clientsecret"]))

    def next_tenant(self) -> tuple[str, str, str]:
        return self.tenants[next(self.turn) % MEASURED]

    def client_token(self) -> None:
        zid, client, secret = self.next_tenant()
        form = {"grant_type": "client_credentials"}
        self.http.post("/oauth/token", data=form, auth=(client, secret), headers={"x-zid": zid}).raise_for_status()

    def password_token(self) -> None:
        zid, client, secret = self.next_tenant()
        form = {"grant_type": "password", "username": "user3", "password": PASSWORD}
        self.http.post("/oauth/token", data=form, auth=(client, secret), headers={"x-zid": zid}).raise_for_status()

    def login(self) -> None:
        zid, client, secret = self.next_tenant()
        self.http.cookies.clear()
        query = {"response_type": "code", "client_id": client, "redirect_uri": REDIRECT}
        page = self.http.get("/oauth/authorize", params=query, headers={"x-zid": zid, "accept": "text/html"})
        hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.text))
        form = {**hidden, "username": "user3", "password": PASSWORD}
        done = self.http.post("/login.do", data=form, headers={"x-zid": zid})
        code = httpx.URL(done.headers["location"]).params["code"]
        redeem = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT}
        self.http.post("/oauth/token", data=redeem, auth=(client, secret), headers={"x-zid": zid}).raise_for_status()

    def list_users(self) -> None:
        self.platform("GET", "/users", None, self.next_tenant()[0])

    def list_role_collections(self) -> None:
        self.platform("GET", "/role-collections", None, self.next_tenant()[0])

    def list_tenants(self) -> None:
        self.platform("GET", "/tenants?limit=10")


QUESTIONS: dict[str, Callable[[Landscape], None]] = {
    "client credentials": Landscape.client_token,
    "password grant": Landscape.password_token,
    "login in a browser, code redeemed": Landscape.login,
    "users of a tenant": Landscape.list_users,
    "role collections of a tenant": Landscape.list_role_collections,
    "a page of ten tenants": Landscape.list_tenants,
}


def fill(url: str, tenants: int, users: int) -> None:
    """Give every further tenant what the first measured one has, and users with its password."""
    zones = (
        "INSERT INTO zones (id, subdomain, name, number, created_at) "
        f"SELECT gen_random_uuid()::text, 'filler' || n, 'Filler', 100 + n, now() FROM generate_series(1, {tenants}) n"
    )
    statements = [zones]
    first = "(SELECT id FROM zones WHERE subdomain = 'm0')"
    for table in (
        "signing_keys",
        "applications",
        "clients",
        "binding_secrets",
        "scopes",
        "role_templates",
        "role_template_scopes",
        "role_collections",
        "role_collection_references",
    ):
        columns = [
            name
            for (name,) in execute(
                url, f"SELECT column_name FROM information_schema.columns WHERE table_name = '{table}'"
            )
            if name != "zid"
        ]
        named = ", ".join(f'"{name}"' for name in columns)
        statements.append(
            f'INSERT INTO "{table}" (zid, {named}) SELECT z.id, {", ".join(f"t.{name}" for name in columns)} '
            f"FROM \"{table}\" t CROSS JOIN zones z WHERE t.zid = {first} AND z.name = 'Filler'"
        )
    columns = [
        name
        for (name,) in execute(
            url,
            "SELECT column_name FROM information_schema.columns WHERE table_name = 'users' AND is_generated = 'NEVER'",
        )
        if name not in {"id", "zid", "user_name", "login_name"}
    ]
    copied = ", ".join(f"u.{name}" for name in columns)
    statements.append(
        f"INSERT INTO users (id, zid, user_name, login_name, {', '.join(columns)}) "
        f"SELECT gen_random_uuid()::text, z.id, 'filler' || n, 'filler' || n, {copied} "
        f"FROM zones z CROSS JOIN generate_series(1, {users}) n "
        f"CROSS JOIN (SELECT * FROM users WHERE zid = {first} LIMIT 1) u WHERE z.name = 'Filler'"
    )
    statements.append(
        "INSERT INTO role_assignments (zid, user_id, collection) SELECT u.zid, u.id, 'Orders Viewer' FROM users u "
        "JOIN zones z ON z.id = u.zid WHERE z.name = 'Filler'"
    )
    execute(url, *statements)
    execute(url, "ANALYZE", in_transaction=False)


def measure(  # noqa: PLR0917 - what the command line gives
    postgresql: PostgresServer, folder: Path, tenants: int, users: int, rounds: int, times: int
) -> None:
    small_url, large_url = (postgresql.url(folder, name) for name in ("small", "large"))
    with running(folder / "s", small_url) as (small_http, _), running(folder / "l", large_url) as (large_http, _):
        small, large = Landscape(small_http), Landscape(large_http)
        for landscape in (small, large):
            landscape.make_tenants()
        began = time.perf_counter()
        fill(large_url, tenants - MEASURED, users // tenants)
        print(f"filled in {time.perf_counter() - began:.0f} s")
        for url in (small_url, large_url):
            held = execute(url, "SELECT (SELECT count(*) FROM zones), (SELECT count(*) FROM users)")
            print(f"{held[0][0]} tenants, {held[0][1]} users")
        taken: dict[tuple[str, str], list[float]] = {}
        for _ in range(rounds):
            for question, ask in QUESTIONS.items():
                # Turn by turn, so that whatever else the machine does meets both alike.
                for turn in range(times * 2):
                    name, landscape = ("small", small) if turn % 2 == 0 else ("large", large)
                    start = time.perf_counter()
                    ask(landscape)
                    taken.setdefault((question, name), []).append(time.perf_counter() - start)
        for question in QUESTIONS:
            few, many = (statistics.median(taken[question, name]) * 1000 for name in ("small", "large"))
            print(f"| {question} | {few:.1f} | {many:.1f} | {many / few:.2f} |")
    starts = []
    for _ in range(3):
        with running(folder / "l", large_url) as (_, seconds):
            starts.append(seconds)
    print(f"start with {tenants} tenants: {statistics.median(starts):.2f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tenants", type=int, default=10_000)
    parser.add_argument("--users", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--times", type=int, default=20)
    given = parser.parse_args()
    with running_postgresql() as postgresql, tempfile.TemporaryDirectory() as folder:
        measure(postgresql, Path(folder), given.tenants, given.users, given.rounds, given.times)


if __name__ == "__main__":
    main()
