"""The identity provider's part of tenants.py: one directory with few users, or with very many."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

import httpx

from entryway.idp.build import build
from entryway.idp.settings import IdpSettings
from entryway.testing.databases import execute

SECRET = "administrators-secret-of-a-benchmark"
PASSWORD = "correct horse battery"
REDIRECT = "https://app.example.com/login/callback"
USERS = 100


def provider(database_url: str, url: str) -> object:
    return build(IdpSettings(url, database_url, bytes(range(32)), SECRET, address_failures=0, address_mails=0))


class Directory:
    """One database and the questions that are asked of its server."""

    def __init__(self, http: httpx.Client) -> None:
        self.http = http
        self.client = ("", "")

    def admin(self, method: str, path: str, body: object = None) -> httpx.Response:
        answer = self.http.request(method, path, json=body, auth=("entryway-admin", SECRET))
        return answer.raise_for_status()

    def make_users(self) -> None:
        application = "/entryway/v1/applications/00000000-0000-4000-8000-000000000001"
        settings = {"redirect_uris": [REDIRECT]}
        self.admin("PUT", application, {"name": "Measured", "app_tid": "t", "settings": settings})
        bound = self.admin("PUT", f"{application}/bindings/b").json()
        self.client = (bound["clientid"], bound["clientsecret"])
        for number in range(USERS):
            known = {"email": f"user{number}@example.com", "given_name": "Ada", "display_name": f"Ada {number}"}
            # One password for all who do not log in: to make a hash takes a while.
            password = {"password": PASSWORD, "groups": ["Identity Administrators"]} if number == 3 else {}
            self.admin("PUT", f"/entryway/v1/users/user{number}", known | password)
        for number in range(USERS):
            schemas = ["urn:ietf:params:scim:schemas:core:2.0:Group"]
            self.admin("POST", "/scim/Groups", {"schemas": schemas, "displayName": f"Crew {number:02}"})
        # The pages of administrators, for a browser that stays logged in.
        page = self.http.get("/admin/users", headers={"accept": "text/html"}, follow_redirects=True)
        self.log_in(page)

    def log_in(self, page: httpx.Response) -> httpx.Response:
        (form,) = re.findall(r'<form method="post"[^>]*action="/login".*?</form>', page.text, re.DOTALL)
        hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form))
        return self.http.post("/login", data={**hidden, "username": "user3", "password": PASSWORD})

    def login(self) -> None:
        kept = httpx.Cookies(self.http.cookies)
        self.http.cookies.clear()
        query = {"response_type": "code", "client_id": self.client[0], "redirect_uri": REDIRECT, "scope": "openid"}
        page = self.http.get("/oauth2/authorize", params=query, headers={"accept": "text/html"})
        code = httpx.URL(self.log_in(page).headers["location"]).params["code"]
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT}
        self.http.post("/oauth2/token", data=form, auth=self.client).raise_for_status()
        self.http.cookies = kept

    def page(self, path: str) -> None:
        answer = self.http.get(path, headers={"accept": "text/html"})
        if answer.status_code != 200 or ("/admin/users/" not in answer.text and "<table" not in answer.text):
            raise RuntimeError(f"{path}: {answer.status_code}")

    def listed(self, path: str) -> None:
        self.admin("GET", path)


QUESTIONS: dict[str, Callable[[Directory], None]] = {
    "identity provider: login, code redeemed": Directory.login,
    "identity provider: page of users": partial(Directory.page, path="/admin/users"),
    "identity provider: page of users, searched": partial(Directory.page, path="/admin/users?search=user3"),
    "identity provider: page of groups": partial(Directory.page, path="/admin/groups"),
    **{
        f"identity provider: {name}": partial(Directory.listed, path=path)
        for name, path in {
            "users": "/entryway/v1/users",
            "SCIM: users": "/scim/Users?count=10",
            "SCIM: userName eq": '/scim/Users?filter=userName eq "user3"',
            "SCIM: userName sw": '/scim/Users?count=10&filter=userName sw "user3"',
            "SCIM: emails eq": '/scim/Users?filter=emails eq "user3@example.com"',
            "SCIM: externalId eq": '/scim/Users?filter=externalId eq "none"',
            "SCIM: displayName sw": '/scim/Users?count=10&filter=displayName sw "ada 3"',
            "SCIM: name.familyName eq": '/scim/Users?count=10&filter=name.familyName eq "none"',
            "SCIM: groups": "/scim/Groups?count=10&excludedAttributes=members",
        }.items()
    },
}


def fill(url: str, users: int) -> None:
    """Give the directory more users like one that it has, in a thousand groups."""
    varied = {
        "id": "gen_random_uuid()::text",
        "user_name": "'filler' || n",
        "login_name": "'filler' || n",
        "email": "'filler' || n || '@example.com'",
        "email_key": "'filler' || n || '@example.com'",
        "display_name": "'Filler ' || n",
        "display_name_key": "'filler ' || n",
        "external_id": "n::text",
    }
    columns = [
        name
        for (name,) in execute(url, "SELECT column_name FROM information_schema.columns WHERE table_name = 'users'")
    ]
    values = ", ".join(varied.get(name, f"u.{name}") for name in columns)
    execute(
        url,
        f"INSERT INTO users ({', '.join(columns)}) SELECT {values} FROM generate_series(1, {users - USERS}) n "
        "CROSS JOIN (SELECT * FROM users WHERE login_name = 'user4') u",
        "INSERT INTO groups (id, name, name_key, description, created_at, updated_at, version) "
        "SELECT 'g' || n, 'Group ' || n, 'group ' || n, '', now(), now(), 1 FROM generate_series(1, 1000) n",
        "INSERT INTO memberships (user_id, group_id) SELECT id, 'g' || (1 + abs(hashtext(id)) % 1000) FROM users "
        "WHERE login_name LIKE 'filler%'",
    )
    execute(url, "VACUUM ANALYZE", in_transaction=False)
