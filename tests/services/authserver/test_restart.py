"""What a landscape keeps: the next start finds the tenant, the keys and the clients of the one before."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import event, text

from entryway.authserver import tables
from entryway.authserver.build import build
from entryway.authserver.housekeeping import Housekeeping
from entryway.authserver.moments import utc_now
from entryway.authserver.settings import AuthServerSettings
from entryway.errors import ConfigurationError, EntrywayError
from entryway.storage import Database
from entryway.testing.authserver import MASTER_KEY, running_authserver
from entryway.testing.clock import MovableClock
from entryway.testing.databases import DatabaseUrl, contents, sqlite_url


def test_a_token_of_before_holds_after_a_restart(tmp_path: Path, database_url: DatabaseUrl) -> None:
    with running_authserver(tmp_path, database_url=database_url) as server:
        app = server.deploy({"xsappname": "kept"})
        keys = server.http.get("/token_keys").json()
    with running_authserver(tmp_path, database_url=database_url) as server:
        assert server.http.get("/token_keys").json() == keys
        assert server.token(app, grant_type="client_credentials").status_code == 200


def test_no_secret_is_in_the_database(tmp_path: Path, database_url: DatabaseUrl) -> None:
    with running_authserver(tmp_path, database_url=database_url) as server:
        app = server.deploy({"xsappname": "sealed"})
        server.user("someone", "a-very-secret-password")
        form = {"grant_type": "password", "username": "someone", "password": "a-very-secret-password"}
        refresh = server.token(app, **form).json()["refresh_token"]
        browser = server.browser()
        code = browser.log_in(app, "someone", "a-very-secret-password")
        cookie = browser.http.cookies["__Host-entryway-login"]
        browser.http.cookies.clear()
        # A login that is open is as secret as what comes of it.
        assert browser.authorize(app, state="state-of-an-open-login", nonce="of-an-open-login").status_code == 200
        browser.http.close()
    stored = contents(database_url(tmp_path, "authserver"))
    assert b"sealed" in stored
    for secret in (
        app.secret,
        app.secret.partition("$")[2],
        refresh,
        code,
        cookie,
        "a-very-secret-password",
        "of-an-open-login",
    ):
        assert secret.encode() not in stored
    assert b"PRIVATE KEY" not in stored


def _settings(folder: Path, database_url: DatabaseUrl = sqlite_url, **changed: object) -> AuthServerSettings:
    given = {
        "public_url": "https://localhost:8443",
        "database_url": database_url(folder, "authserver"),
        "master_key": MASTER_KEY,
        "platform_client_secret": "x",
    }
    return AuthServerSettings(**(given | changed))


async def _start(settings: AuthServerSettings) -> None:
    app = build(settings)
    async with app.router.lifespan_context(app):
        pass


async def test_another_master_key_is_noticed_at_the_start(tmp_path: Path, database_url: DatabaseUrl) -> None:
    await _start(_settings(tmp_path, database_url))
    with pytest.raises(EntrywayError):
        await _start(_settings(tmp_path, database_url, master_key=bytes(32)))


async def test_another_subdomain_is_noticed_at_the_start(tmp_path: Path, database_url: DatabaseUrl) -> None:
    await _start(_settings(tmp_path, database_url))
    with pytest.raises(ConfigurationError, match="dev"):
        await _start(_settings(tmp_path, database_url, subdomain="other"))


async def test_a_start_reads_its_own_tenant_alone(tmp_path: Path, database_url: DatabaseUrl) -> None:
    settings = _settings(tmp_path, database_url)
    await _start(settings)
    database = Database(settings.database_url)
    async with database.transaction() as session:
        session.add_all(
            tables.Zone(id=f"z{number}", subdomain=f"s{number}", name="", number=number, created_at=utc_now())
            for number in range(10, 40)
        )
    await database.close()
    loaded: set[str] = set()

    def remember(zone: tables.Zone, context: object) -> None:
        del context
        loaded.add(zone.subdomain)

    event.listen(tables.Zone, "load", remember)
    try:
        await _start(settings)
    finally:
        event.remove(tables.Zone, "load", remember)
    assert loaded == {settings.subdomain}


async def test_housekeeping_removes_what_is_over_and_nothing_else(tmp_path: Path, database_url: DatabaseUrl) -> None:
    def use() -> None:
        with running_authserver(tmp_path, database_url=database_url) as server:
            # Only refresh tokens that work once are stored.
            server.platform("PUT", "/token-policy", {"refresh_token_rotation": True})
            app = server.deploy({"xsappname": "swept"})
            server.user("someone", "pw")
            browser = server.browser()
            browser.authorize(app)
            server.redeem(app, browser.log_in(app, "someone", "pw"))
            server.token(app, grant_type="password", username="someone", password="wrong")
            browser.http.close()

    await asyncio.to_thread(use)
    database, clock = Database(database_url(tmp_path, "authserver")), MovableClock()
    short_lived = ("login_attempts", "login_sessions", "login_failures")
    long_lived = ("authorizations", "authorization_codes", "refresh_tokens")

    async def counts(tables: tuple[str, ...]) -> list[int]:
        async with database.read() as session:
            return [(await session.execute(text(f"select count(*) from {table}"))).scalar_one() for table in tables]

    await Housekeeping(database, clock).sweep()
    assert all(await counts(short_lived + long_lived))
    clock.advance(hours=1)
    await Housekeeping(database, clock).sweep()
    assert await counts(short_lived) == [0, 0, 0]
    assert all(await counts(long_lived))
    clock.advance(days=9)
    await Housekeeping(database, clock).sweep()
    assert await counts(long_lived) == [0, 0, 0]
    assert await counts(("users", "applications")) == [1, 5]
    await database.close()


@pytest.mark.parametrize(
    "changed",
    [
        {"public_url": "http://localhost:8443"},
        {"public_url": "https://localhost:8443/path"},
        {"public_url": "https://user@localhost"},
        {"public_url": "https://localhost:port"},
        {"public_url": ""},
        {"platform_client_secret": ""},
        {"subdomain": "Dev"},
        {"subdomain": "a.b"},
        {"subdomain": ""},
        {"certificate_url": "http://cert.example.com"},
        {"certificate_url": "https://cert.example.com/path"},
        {"certificate_proxies": ("proxy.example.com",)},
        {"certificate_authorities": b"nonsense"},
    ],
)
def test_settings_that_cannot_work_are_refused(tmp_path: Path, changed: dict) -> None:
    with pytest.raises(ConfigurationError):
        _settings(tmp_path, **changed)
