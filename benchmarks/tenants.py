"""What 10,000 tenants and 1,000,000 users cost beside 10 tenants and 100 users, on PostgreSQL.

Ten tenants with ten users each are asked in both databases; the large one has 9,990 more tenants with 100 users each,
and the identity provider as many users in its one directory. The rounds take turns, so that both see the same machine;
the median of each question counts, and beside it the lower quartile, which other work disturbs less. What was read
from one end to the other meanwhile is told, too.
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
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import httpx
import structlog

import directory
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


def authorization_server(database_url: str, url: str) -> object:
    # Whoever asks here asks faster than administrators may.
    unlimited = {f"{each}_requests_per_second": 0.0 for each in ("token", "authorization", "identity_provider", "scim")}
    return build(AuthServerSettings(url, database_url, bytes(range(32)), SECRET, address_failures=0, **unlimited))


def serve(pipe: Connection, folder: str, make: Callable[[str], object]) -> None:
    """Run one service until the pipe closes; tell its address and how long it took to start."""
    # Measured without the log: a terminal would cost more than the server.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    authority = TestAuthority.create(Path(folder))
    started = time.perf_counter()
    with served(make, authority) as url:
        pipe.send((url, str(authority.ca_file), time.perf_counter() - started))
        try:
            pipe.recv()
        except EOFError:
            return


@contextmanager
def running(folder: Path, make: Callable[[str], object]) -> Iterator[tuple[httpx.Client, float]]:
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs, str(folder), make))
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
        self.refresh_tokens: dict[str, str] = {}
        self.token = self.platform_token()

    def ask(self, method: str, path: str, body: object = None, zid: str | None = None) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.token}"} | ({"x-identity-zone-id": zid} if zid else {})
        return self.http.request(method, path, json=body, headers=headers).raise_for_status()

    def platform(self, method: str, path: str, body: object = None, zid: str | None = None) -> httpx.Response:
        return self.ask(method, f"/entryway/v1{path}", body, zid)

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
                body = {"password": PASSWORD, "role_collections": ["Orders Viewer"], "given_name": f"Ada {user}"}
                self.platform("PUT", f"/users/user{user}", body | {"email": f"user{user}@example.com"}, zid)
            self.tenants.append((zid, bound["clientid"], bound["clientsecret"]))
            form = {"grant_type": "password", "username": "user3", "password": PASSWORD}
            self.refresh_tokens[zid] = self.answered(form, self.tenants[-1])["refresh_token"]

    def answered(self, form: Mapping[str, str], tenant: tuple[str, str, str]) -> dict[str, Any]:
        zid, client, secret = tenant
        answer = self.http.post("/oauth/token", data=form, auth=(client, secret), headers={"x-zid": zid})
        told: dict[str, Any] = answer.raise_for_status().json()
        return told

    def next_tenant(self) -> tuple[str, str, str]:
        return self.tenants[next(self.turn) % MEASURED]

    def client_token(self) -> None:
        self.answered({"grant_type": "client_credentials"}, self.next_tenant())

    def refreshed(self) -> None:
        tenant = self.next_tenant()
        self.answered({"grant_type": "refresh_token", "refresh_token": self.refresh_tokens[tenant[0]]}, tenant)

    def password_token(self) -> None:
        form = {"grant_type": "password", "username": "user3", "password": PASSWORD}
        self.answered(form, self.next_tenant())

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

    def of_tenant(self, path: str) -> None:
        self.ask("GET", path, zid=self.next_tenant()[0])

    def of_landscape(self, path: str) -> None:
        self.ask("GET", path)


AUTHORIZATION = "/sap/rest/authorization/v2"
PAGES = {
    "users of a tenant": "/entryway/v1/users?limit=10",
    "role collections of a tenant": "/entryway/v1/role-collections?limit=10",
    "SCIM: users": "/Users?count=10",
    "SCIM: userName eq": '/Users?filter=userName eq "user3"',
    "SCIM: userName sw": '/Users?count=10&filter=userName sw "user"',
    "SCIM: userName co": '/Users?count=10&filter=userName co "ser3"',
    "SCIM: emails eq": '/Users?filter=emails eq "user3@example.com"',
    "SCIM: externalId eq": '/Users?filter=externalId eq "none"',
    "SCIM: name.givenName sw": '/Users?count=10&filter=name.givenName sw "ada"',
    "SCIM: groups": "/Groups?count=10",
    "SCIM: displayName eq": '/Groups?filter=displayName eq "Orders Viewer"',
    "ids of users": '/ids/Users?filter=userName eq "user3"',
    "applications": f"{AUTHORIZATION}/apps?count=10",
    "role templates": f"{AUTHORIZATION}/apps/roletemplates?count=10",
    "roles": f"{AUTHORIZATION}/roles?count=10",
    "role collections, with users": f"{AUTHORIZATION}/rolecollections?count=1&showUsers=true",
    "mappings of groups": "/Groups/External?count=10",
    "clients": "/oauth/clients?count=10",
    "API credentials": f"{AUTHORIZATION}/apiCredentials?count=10",
    "identity providers": "/sap/rest/identity-providers?count=10",
    "audit trail": f"{AUTHORIZATION}/auditlog?limit=10",
}
PAGES_OF_ALL = {
    "tenants": "/entryway/v1/tenants?limit=10",
    "tenants, as UAA lists them": "/identity-zones?count=10",
}
QUESTIONS: dict[str, Callable[[Landscape], None]] = {
    "client credentials": Landscape.client_token,
    "refresh": Landscape.refreshed,
    "password grant": Landscape.password_token,
    "login in a browser, code redeemed": Landscape.login,
    **{name: partial(Landscape.of_tenant, path=path) for name, path in PAGES.items()},
    **{name: partial(Landscape.of_landscape, path=path) for name, path in PAGES_OF_ALL.items()},
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
        if name not in {"id", "zid", "user_name", "login_name", "email", "email_key", "external_id"}
    ]
    copied = ", ".join(f"u.{name}" for name in columns)
    statements.append(
        f"INSERT INTO users (id, zid, user_name, login_name, email, email_key, external_id, {', '.join(columns)}) "
        "SELECT gen_random_uuid()::text, z.id, 'filler' || n, 'filler' || n, "
        f"'filler' || n || '@example.com', 'filler' || n || '@example.com', n, {copied} "
        f"FROM zones z CROSS JOIN generate_series(1, {users}) n "
        f"CROSS JOIN (SELECT * FROM users WHERE zid = {first} LIMIT 1) u WHERE z.name = 'Filler'"
    )
    statements.append(
        "INSERT INTO role_assignments (zid, user_id, collection) SELECT u.zid, u.id, 'Orders Viewer' FROM users u "
        "JOIN zones z ON z.id = u.zid WHERE z.name = 'Filler'"
    )
    statements.append(
        "INSERT INTO audit_entries SELECT (SELECT max(number) FROM audit_entries) + row_number() OVER (), now(), zid, "
        "'security', 'UserAuthenticationSuccess', 'filler', 'User', id, '{}', sha256('') FROM users WHERE user_name "
        "LIKE 'filler%'"
    )
    execute(url, *statements)
    execute(url, "VACUUM ANALYZE", in_transaction=False)


def measure(asked: Mapping[str, Callable[[Any], None]], few: Any, many: Any, rounds: int, times: int) -> None:
    """Ask all questions turn by turn, and print what they took."""
    taken: dict[tuple[str, str], list[float]] = {}
    for _ in range(rounds):
        for question, ask in asked.items():
            # Turn by turn, so that whatever else the machine does meets both alike.
            for turn in range(times * 2):
                name, landscape = ("few", few) if turn % 2 == 0 else ("many", many)
                start = time.perf_counter()
                ask(landscape)
                taken.setdefault((question, name), []).append(time.perf_counter() - start)
    for question in asked:
        few_quick, few_ms, _ = (each * 1000 for each in statistics.quantiles(taken[question, "few"], n=4))
        many_quick, many_ms, _ = (each * 1000 for each in statistics.quantiles(taken[question, "many"], n=4))
        ratios = f"{many_ms / few_ms:.2f} | {many_quick / few_quick:.2f}"
        print(f"| {question} | {few_ms:.1f} | {many_ms:.1f} | {ratios} |", flush=True)


@contextmanager
def telling_what_is_read(url: str) -> Iterator[None]:
    """Print which tables were read from one end to the other, if any rows to speak of were."""
    query = "SELECT relname, seq_scan, seq_tup_read FROM pg_stat_user_tables"
    before = {name: (scans, rows) for name, scans, rows in execute(url, query)}
    yield
    time.sleep(2)  # PostgreSQL counts behind
    for name, scans, rows in execute(url, query):
        if rows - before[name][1] > 10_000:
            print(
                f"read as a whole: {name}, {scans - before[name][0]} times, {rows - before[name][1]} rows", flush=True
            )


def filled(url: str, how: Callable[[], None], what: str) -> None:
    began = time.perf_counter()
    how()
    (held,) = execute(url, what)
    print(f"filled in {time.perf_counter() - began:.0f} s: {', '.join(map(str, held))}", flush=True)


def of_tenants(postgresql: PostgresServer, folder: Path, given: argparse.Namespace) -> None:
    """Measure the authorization server."""
    few_url, many_url = (postgresql.url(folder, name) for name in ("few", "many"))
    make_many = partial(authorization_server, many_url)
    with ExitStack() as stack:
        makers = {"few": partial(authorization_server, few_url), "many": make_many}
        few, many = (Landscape(stack.enter_context(running(folder / name, make))[0]) for name, make in makers.items())
        for landscape in (few, many):
            landscape.make_tenants()
        held = "SELECT (SELECT count(*) FROM zones) || ' tenants', (SELECT count(*) FROM users) || ' users'"
        filled(many_url, lambda: fill(many_url, given.tenants - MEASURED, given.users // given.tenants), held)
        with telling_what_is_read(many_url):
            measure(QUESTIONS, few, many, given.rounds, given.times)
    starts = []
    for _ in range(3):
        with running(folder / "many", make_many) as (_, seconds):
            starts.append(seconds)
    print(f"start with {given.tenants} tenants: {statistics.median(starts):.2f} s", flush=True)


def of_directory(postgresql: PostgresServer, folder: Path, given: argparse.Namespace) -> None:
    """Measure the identity provider."""
    few_url, many_url = (postgresql.url(folder, name) for name in ("fewpeople", "manypeople"))
    with ExitStack() as stack:
        few, many = (
            directory.Directory(stack.enter_context(running(folder / url[-8:], partial(directory.provider, url)))[0])
            for url in (few_url, many_url)
        )
        for each in (few, many):
            each.make_users()
        held = "SELECT count(*) || ' users of the identity provider' FROM users"
        filled(many_url, lambda: directory.fill(many_url, given.users), held)
        with telling_what_is_read(many_url):
            measure(directory.QUESTIONS, few, many, given.rounds, given.times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tenants", type=int, default=10_000)
    parser.add_argument("--users", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--times", type=int, default=20)
    given = parser.parse_args()
    with running_postgresql() as postgresql, tempfile.TemporaryDirectory() as folder:
        print("| question | few, ms | many, ms | ratio | of lower quartiles |\n|---|---|---|---|---|", flush=True)
        for part in (of_tenants, of_directory):
            (room := Path(folder) / part.__name__).mkdir()
            part(postgresql, room, given)


if __name__ == "__main__":
    main()
