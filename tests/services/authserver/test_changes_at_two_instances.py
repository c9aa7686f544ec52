"""Two instances on one database: what one of them changes, it acts on at once, and the other within a second."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from product_descriptor import products

from entryway.authserver.tables import WATCHED, AuthServerTable
from entryway.storage.changes import SEEN_WITHIN
from entryway.testing.authserver import BoundApplication, RunningAuthServer, running_authserver
from entryway.testing.databases import DatabaseUrl

PASSWORD = "correct horse"
# No memory of the token endpoint depends on these: they are asked each time, or hold nothing that tokens say.
ASKED_EACH_TIME = {
    "audit_entries",
    "authorization_codes",
    "authorizations",
    "binding_authorities",
    "brandings",
    "data_keys",
    "login_attempts",
    "login_failures",
    "login_sessions",
    "opaque_tokens",
    "passcodes",
    "provider_requests",
    "provider_sessions",
    "refresh_tokens",
    "revisions",
    "saml_keys",
    "security_settings",
    "seen_assertions",
}


@dataclass
class Landscape:
    """An application with a user, at two instances that have both issued tokens for them."""

    one: RunningAuthServer
    other: RunningAuthServer
    app: BoundApplication
    user_name: str
    user_id: str
    refresh_token: str

    def client_token(self, at: RunningAuthServer) -> httpx.Response:
        return at.token(self.app, grant_type="client_credentials")

    def refreshed(self, at: RunningAuthServer) -> httpx.Response:
        return at.token(self.app, grant_type="refresh_token", refresh_token=self.refresh_token)

    def a_second_later(self) -> None:
        a_second_later((self.one, self.other))


def a_second_later(instances: tuple[RunningAuthServer, RunningAuthServer]) -> None:
    for each in instances:  # their clocks agree
        each.clock.advance(seconds=SEEN_WITHIN)


@pytest.fixture(scope="module")
def instances(
    tmp_path_factory: pytest.TempPathFactory, database_url: DatabaseUrl
) -> Iterator[tuple[RunningAuthServer, RunningAuthServer]]:
    folder: Callable[[], Path] = lambda: tmp_path_factory.mktemp("instance")  # noqa: E731
    with (
        running_authserver(folder(), database_url=database_url) as one,
        running_authserver(folder(), database_url=lambda *_: one.database_url) as other,
    ):
        yield one, other


@pytest.fixture
def landscape(instances: tuple[RunningAuthServer, RunningAuthServer]) -> Landscape:
    one, other = instances
    app = one.deploy(products(f"pair-{uuid.uuid4().hex[:8]}"))
    collection = f"{app.name.partition('!')[0]} Editor"
    name = f"erin-{uuid.uuid4().hex[:8]}@example.com"
    user = one.user(name, PASSWORD, [collection])
    # A new application is seen at once: that there is nothing is not remembered.
    token = other.token(app, grant_type="password", username=name, password=PASSWORD).json()
    made = Landscape(one, other, app, name, user["id"], token["refresh_token"])
    for at in instances:
        assert made.client_token(at).status_code == 200
        assert made.refreshed(at).status_code == 200
    return made


def _end_binding(landscape: Landscape) -> None:
    instance = landscape.app.instance_id
    binding = str(uuid.uuid4())
    landscape.app = landscape.one.bind(instance, binding)
    landscape.a_second_later()
    assert landscape.client_token(landscape.other).status_code == 200
    landscape.one.platform("DELETE", f"/applications/{instance}/bindings/{binding}").raise_for_status()


def _end_application(landscape: Landscape) -> None:
    landscape.one.platform("DELETE", f"/applications/{landscape.app.instance_id}").raise_for_status()


@pytest.mark.parametrize("end", [_end_binding, _end_application])
def test_a_client_that_has_ended_gets_no_token(landscape: Landscape, end: Callable[[Landscape], None]) -> None:
    end(landscape)
    assert landscape.client_token(landscape.one).status_code == 401
    landscape.a_second_later()
    assert landscape.client_token(landscape.other).status_code == 401


def _delete_user(landscape: Landscape) -> None:
    landscape.one.platform("DELETE", f"/users/{landscape.user_name}").raise_for_status()


def _change_password(landscape: Landscape) -> None:
    landscape.one.user(landscape.user_name, "another one")


def _revoke_refresh_token(landscape: Landscape) -> None:
    credentials = {"client_id": landscape.app.client_id, "client_secret": landscape.app.secret}
    form = {**credentials, "token": landscape.refresh_token}
    landscape.one.http.post("/oauth/revoke", data=form).raise_for_status()


def _revoke(landscape: Landscape, what: str) -> None:
    headers = {"authorization": f"Bearer {landscape.one.platform_token()}"}
    landscape.one.http.get(f"/oauth/token/revoke/{what}", headers=headers).raise_for_status()


def _revoke_all_of_the_user(landscape: Landscape) -> None:
    _revoke(landscape, f"user/{landscape.user_id}")


def _revoke_all_of_the_user_at_the_client(landscape: Landscape) -> None:
    _revoke(landscape, f"user/{landscape.user_id}/client/{landscape.app.client_id}")


def _revoke_all_of_the_client(landscape: Landscape) -> None:
    _revoke(landscape, f"client/{landscape.app.client_id}")


@pytest.mark.parametrize(
    "end",
    [
        _delete_user,
        _change_password,
        _revoke_refresh_token,
        _revoke_all_of_the_user,
        _revoke_all_of_the_user_at_the_client,
        _revoke_all_of_the_client,
    ],
)
def test_a_refresh_token_that_has_ended_is_refused(landscape: Landscape, end: Callable[[Landscape], None]) -> None:
    end(landscape)
    assert landscape.refreshed(landscape.one).status_code == 401
    landscape.a_second_later()
    assert landscape.refreshed(landscape.other).status_code == 401


def test_roles_that_were_taken_are_not_in_the_next_token(landscape: Landscape) -> None:
    scope = f"{landscape.app.name}.Edit"
    assert scope in landscape.refreshed(landscape.other).json()["scope"].split()
    body = {"role_collections": []}
    landscape.one.platform("PUT", f"/users/{landscape.user_name}", body).raise_for_status()
    assert scope not in landscape.refreshed(landscape.one).json()["scope"].split()
    landscape.a_second_later()
    assert scope not in landscape.refreshed(landscape.other).json()["scope"].split()


def test_a_suspended_tenant_is_refused(instances: tuple[RunningAuthServer, RunningAuthServer]) -> None:
    one, other = instances
    zid = one.platform("POST", "/tenants", {"subdomain": f"s{uuid.uuid4().hex[:8]}", "name": "S"}).json()["id"]

    def asked(at: RunningAuthServer) -> int:
        return at.http.get("/.well-known/openid-configuration", headers={"x-zid": zid}).status_code

    assert (asked(one), asked(other)) == (200, 200)
    one.platform("PATCH", f"/tenants/{zid}", {"suspended": True}).raise_for_status()
    assert asked(one) == 403
    a_second_later(instances)
    assert asked(other) == 403


def test_an_identity_provider_that_was_switched_off_is_offered_no_more(
    instances: tuple[RunningAuthServer, RunningAuthServer],
) -> None:
    one, other = instances
    origin = f"idp-{uuid.uuid4().hex[:8]}"
    config = {"issuer": "https://login.example.com", "client_id": "c", "client_secret": "s"}
    whole = {"type": "oidc1.0", "originKey": origin, "name": origin, "config": config}
    bearer = {"authorization": f"Bearer {one.platform_token()}"}

    def offered(at: RunningAuthServer) -> bool:
        return origin in at.http.get("/login", headers={"accept": "text/html"}).text

    path = "/sap/rest/identity-providers"
    assert (offered(one), offered(other)) == (False, False)
    one.http.post(path, json=whole, headers=bearer).raise_for_status()
    assert offered(one)
    a_second_later(instances)
    assert offered(other)
    one.http.patch(f"{path}/{origin}", json={"active": False}, headers=bearer).raise_for_status()
    assert not offered(one)
    a_second_later(instances)
    assert not offered(other)
    one.http.delete(f"{path}/{origin}", headers=bearer).raise_for_status()


def test_lifetimes_that_were_changed_count(landscape: Landscape) -> None:
    landscape.one.platform("PUT", "/token-policy", {"access_token_validity": 900}).raise_for_status()
    try:
        assert landscape.client_token(landscape.one).json()["expires_in"] == 899
        landscape.a_second_later()
        assert landscape.client_token(landscape.other).json()["expires_in"] == 899
    finally:
        landscape.one.platform("PUT", "/token-policy", {}).raise_for_status()


def test_every_table_is_watched_or_asked_each_time() -> None:
    assert set(AuthServerTable.metadata.tables) == WATCHED.keys() | ASKED_EACH_TIME
    assert not WATCHED.keys() & ASKED_EACH_TIME
