"""Two router processes that share sessions, with a real store between them."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from redis_servers import RedisServer, free_port, running_redis, settings_of, until

from entryway.http import Headers, Response
from entryway.testing.authority import TestAuthority

PAGE = {"accept": "text/html", "user-agent": "Mozilla/5.0"}


@dataclass
class RouterProcess:
    folder: Path
    env: dict[str, str]
    port: int = field(default_factory=free_port)
    process: asyncio.subprocess.Process | None = None
    log: bytes = b""

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> RouterProcess:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ}
        log = (self.folder / f"{self.port}.log").open("ab")
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "entryway.router", "-w", str(self.folder),
            env=kept | self.env | {"PORT": str(self.port)}, stdout=log, stderr=log,
        )  # fmt: skip
        log.close()

        async def listening() -> bool:
            assert self.process is not None
            assert self.process.returncode is None, self.text()
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                return False
            writer.close()
            return True

        await until(listening, 30)
        return self

    def text(self) -> str:
        return (self.folder / f"{self.port}.log").read_text()

    async def kill(self) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()


@dataclass
class Instances:
    """Routers of one application, its neighbours and its store."""

    world: Any
    """Browsers, the login server and the backend."""
    folder: Path
    stack: AsyncExitStack
    store: RedisServer

    @property
    def uaa(self) -> Any:
        return self.world.uaa

    @property
    def backend(self) -> Any:
        return self.world.backend

    async def start(
        self,
        count: int = 2,
        *,
        binding: dict[str, Any] | None = None,
        uaa: dict[str, Any] | None = None,
        env: dict[str, Any] | None = None,
        **settings: Any,
    ) -> list[RouterProcess]:
        routes = [
            {"source": "^/private/(.*)$", "destination": "b"},
            {"source": "^/public/(.*)$", "target": "$1", "destination": "b", "authenticationType": "none"},
        ]
        xs_app = {
            "routes": routes,
            "logout": {"logoutEndpoint": "/do/logout"},
            "destinations": {"b": {"logoutPath": "/bye"}},
        }
        (self.folder / "xs-app.json").write_text(json.dumps(xs_app))
        bindings = {"uaa": self.uaa.credentials(**(uaa or {})), "store": binding or self.store.binding()}
        (self.folder / "default-services.json").write_text(json.dumps(bindings))
        variables: dict[str, Any] = {
            "destinations": [{"name": "b", "url": self.backend.url, "forwardAuthToken": True}],
            "EXT_SESSION_MGT": settings_of(self.store, **settings),
        }
        variables |= env or {}
        environ = {name: value if isinstance(value, str) else json.dumps(value) for name, value in variables.items()}
        routers = [RouterProcess(self.folder, environ) for _ in range(count)]
        for router in routers:
            self.stack.push_async_callback(router.kill)
        await asyncio.gather(*(router.start() for router in routers))
        return routers

    async def browser(self, router: RouterProcess) -> Any:
        self.world.origin = router.origin
        return await self.world.browser()

    def authorization(self) -> str | None:
        return self.backend.requests[-1].headers.text("authorization")


def at(browser: Any, router: RouterProcess) -> Any:
    """The same browser, sent to another router."""
    return replace(browser, origin=router.origin)


@pytest.fixture
async def instances(world: Any, tmp_path: Path) -> AsyncIterator[Instances]:
    world.uaa.clock = time.time  # processes have the real one
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(running_redis(tmp_path / "redis"))
        yield Instances(world, tmp_path, stack, store)


async def status(browser: Any, path: str = "/private/x") -> int:
    return (await browser.get(path, x_requested_with="XMLHttpRequest")).status_code


async def test_every_instance_serves_the_session_also_when_the_first_is_killed(instances):
    a, b = await instances.start()
    browser = await instances.browser(a)
    await browser.log_in()
    assert await status(browser) == 200
    token = instances.authorization()
    await a.kill()
    assert await status(at(browser, b)) == 200
    assert instances.authorization() == token
    await a.start()
    assert await status(browser) == 200
    assert len(instances.uaa.grants("authorization_code")) == 1


async def test_a_logout_on_one_instance_is_one_everywhere_within_a_second(instances):
    a, b = await instances.start()
    browser = await instances.browser(a)
    await browser.log_in()
    cookie = browser.cookie("JSESSIONID")
    stranger = await instances.browser(b)
    stranger.set_cookie("JSESSIONID", cookie)
    assert await status(stranger) == 200
    assert (await browser.get("/do/logout")).status_code == 302

    async def gone() -> bool:
        return await status(stranger) == 401

    assert await until(gone) < 1
    await asyncio.sleep(0.5)
    for router in (a, b):
        assert await status(at(stranger, router)) == 401
    told = [request for request in instances.backend.requests if request.target == "/bye"]
    assert len(told) == 1


async def test_csrf_tokens_and_backend_cookies_are_good_everywhere(instances):
    a, b = await instances.start()
    browser = await instances.browser(a)
    await browser.log_in()
    assert await status(at(browser, b)) == 200

    async def sets_a_cookie(_request: Any) -> Response:
        return Response(200, Headers([(b"set-cookie", b"bs=1; Path=/")]), b"")

    usual, instances.backend.handler = instances.backend.handler, sets_a_cookie
    token = await browser.csrf_token()
    instances.backend.handler = usual
    await asyncio.sleep(0.9)
    answer = await at(browser, b).request("POST", "/private/x", x_csrf_token=token)
    assert answer.status_code == 200
    assert instances.backend.requests[-1].headers.text("cookie") == "bs=1"
    assert (await at(browser, b).request("POST", "/private/x", x_csrf_token="wrong")).status_code == 403


async def test_a_login_may_begin_on_one_instance_and_end_on_another_once(instances):
    a, b = await instances.start()
    browser = await instances.browser(a)
    outside = {"x_forwarded_host": "shop.example.com"}
    url = await browser.begin_login(**outside)
    back = urlsplit((await browser.http.get(url)).headers["location"])
    callback = f"{back.path}?{back.query}"
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in browser.http.cookies.jar)
    answer = await at(browser, b).request("GET", callback, **PAGE, **outside)
    assert answer.status_code == 302, answer.text
    assert await status(browser) == 200
    stranger = await instances.browser(a)
    replayed = await stranger.request("GET", callback, cookie=cookies, **PAGE, **outside)
    assert (replayed.status_code, replayed.headers["entryway-error"]) == (401, "login_state_invalid")
    assert len(instances.uaa.grants("authorization_code")) == 1


@pytest.fixture
def proofs(instances: Instances) -> dict[str, dict[str, Any]]:
    """What bindings of one client can prove it by."""
    authority = TestAuthority.create(instances.folder / "ca")

    def certificate(name: str) -> dict[str, Any]:
        files = authority.issue_client(name)
        texts = {"certificate": files.certificate.read_text(), "key": files.key.read_text()}
        return {"clientsecret": None, "certurl": instances.uaa.url} | texts

    return {
        "secret": {"clientsecret": "secret-of-one-binding"},
        "other secret": {"clientsecret": "secret-of-the-other"},
        "certificate": certificate("one"),
        "other certificate": certificate("other"),
    }


@pytest.mark.parametrize(
    ("first", "second"),
    [("secret", "other secret"), ("secret", "certificate"), ("certificate", "other certificate")],
)
async def test_a_login_ends_on_an_instance_whose_binding_differs(instances, proofs, first, second):
    (a,), (b,) = [await instances.start(1, uaa=proofs[proof]) for proof in (first, second)]
    browser = await instances.browser(a)
    assert await came_back(browser, a, b) == (302, None)
    assert [await status(at(browser, router)) for router in (a, b)] == [200, 200]
    (form,) = instances.uaa.grants("authorization_code")
    assert form.get("client_secret") == proofs[second]["clientsecret"]
    assert form["code_verifier"]


async def test_a_login_ends_on_no_instance_with_another_session_secret(instances):
    (a,), (b,) = await instances.start(1), await instances.start(1, sessionSecret="another secret " * 5)
    browser = await instances.browser(a)
    assert await came_back(browser, a, b) == (401, "login_state_invalid")
    assert instances.uaa.grants("authorization_code") == []


async def came_back(browser: Any, begun: RouterProcess, ended: RouterProcess) -> tuple[int, str | None]:
    """Begin a login on one router, end it on another, and return its status and what went wrong."""
    outside = {"x_forwarded_host": "shop.example.com"}
    url = await at(browser, begun).begin_login(**outside)
    back = urlsplit((await browser.http.get(url)).headers["location"])
    answer = await at(browser, ended).request("GET", f"{back.path}?{back.query}", **PAGE, **outside)
    return answer.status_code, answer.headers.get("entryway-error")


async def test_a_token_is_renewed_once_however_many_instances_and_requests_notice(instances):
    routers = await instances.start(env={"JWT_REFRESH": "1"})
    instances.uaa.expires_in = 62
    browser = await instances.browser(routers[0])
    await browser.log_in()
    for router in routers:
        assert await status(at(browser, router)) == 200
    old = instances.authorization()
    instances.uaa.expires_in = 43_199
    await asyncio.sleep(2.2)
    answers = await asyncio.gather(*(status(at(browser, router)) for router in routers * 10))
    assert set(answers) == {200}

    async def renewed_everywhere() -> bool:
        seen = set()
        for router in routers:
            assert await status(at(browser, router)) == 200
            seen.add(instances.authorization())
        return len(seen) == 1 and old not in seen

    await until(renewed_everywhere)
    assert len(instances.uaa.grants("refresh_token")) == 1


async def test_while_the_store_is_down_nobody_is_logged_out_and_nobody_logs_in(instances):
    a, b = await instances.start(commandTimeout=1000)
    known, unknown, fresh = [await instances.browser(router) for router in (a, a, a)]
    await known.log_in()
    await unknown.log_in()
    cookie = unknown.cookie("JSESSIONID")
    # A store that keeps its data: what matters is that it cannot be asked.
    instances.store.pause()
    try:
        assert await status(known) == 200
        assert await status(known, "/public/x") == 200
        page = await at(unknown, b).page("/private/x")
        assert (page.status_code, page.headers["entryway-error"]) == (503, "session_store_unavailable")
        assert "set-cookie" not in page.headers
        assert await status(at(unknown, b), "/public/x") == 200
        answer = await fresh.come_back(await fresh.begin_login())
        assert (answer.status_code, answer.headers["entryway-error"]) == (503, "session_store_unavailable")
        assert await status(known) == 200
    finally:
        instances.store.resume()
    assert unknown.cookie("JSESSIONID") == cookie

    async def back() -> bool:
        return await status(at(unknown, b)) == 200

    await until(back)
    assert (await fresh.log_in()).status_code == 302


async def test_a_store_that_lost_everything_gets_the_sessions_back(instances):
    a, b = await instances.start()
    browser = await instances.browser(a)
    await browser.log_in()
    await instances.store.kill()
    assert await status(browser) == 200
    await instances.store.start()

    async def back() -> bool:
        return (await status(browser), await status(at(browser, b))) == (200, 200)

    await until(back)


async def test_a_logout_during_an_outage_holds(instances):
    a, b = await instances.start()
    browser = await instances.browser(a)
    await browser.log_in()
    stranger = await instances.browser(b)
    stranger.set_cookie("JSESSIONID", browser.cookie("JSESSIONID"))
    assert await status(stranger) == 200
    await instances.store.kill()
    await asyncio.sleep(0.5)
    assert (await browser.get("/do/logout")).status_code == 302
    assert await status(at(stranger, a)) != 200
    await instances.store.start()

    async def gone() -> bool:
        return await status(stranger) == 401

    await until(gone)
    await asyncio.sleep(0.5)
    assert (await status(stranger), await status(at(stranger, a))) == (401, 401)


async def test_it_starts_without_its_store_and_finds_it_later(instances):
    await instances.store.kill()
    (router,) = await instances.start(1)
    browser = await instances.browser(router)
    assert await status(browser, "/public/x") == 200
    answer = await browser.come_back(await browser.begin_login())
    assert (answer.status_code, answer.headers["entryway-error"]) == (503, "session_store_unavailable")
    assert instances.uaa.grants("authorization_code") == []
    await instances.store.start()

    async def logged_in() -> bool:
        fresh = await instances.browser(router)
        return (await fresh.come_back(await fresh.begin_login())).status_code == 302

    await until(logged_in)
    again = await browser.page(answer.request.url.raw_path.decode())
    assert again.status_code == 302  # the same login, tried again


async def test_a_wrong_password_is_told_to_the_log_but_not_shown(instances):
    (router,) = await instances.start(1, binding=instances.store.binding(password="not-the-password-0815"))

    async def told() -> bool:
        return "session_store_lost" in router.text()

    await until(told)  # before anybody has asked for anything
    browser = await instances.browser(router)
    answer = await browser.come_back(await browser.begin_login())
    assert (answer.status_code, answer.headers["entryway-error"]) == (503, "session_store_unavailable")
    assert await status(browser, "/public/x") == 200
    assert "0815" not in router.text()
    assert "0815" not in answer.text


async def test_a_session_cookie_of_ones_own_name(instances):
    a, b = await instances.start(env={"SESSION_COOKIE_NAME": "MYSESS"})
    browser = await instances.browser(a)
    answer = await browser.log_in()
    lines = answer.headers.get_list("set-cookie")
    assert lines[0] == "MYSESS_STATE=; Max-Age=0; Path=/;"
    assert lines[-1].startswith("MYSESS=s%3A")
    assert await status(at(browser, b)) == 200


async def test_public_requests_and_login_pages_store_nothing(instances):
    (router,) = await instances.start(1)
    browser = await instances.browser(router)
    assert await status(browser, "/public/x") == 200
    await browser.begin_login()
    assert await instances.store.session_keys() == []


async def test_every_mistake_in_the_settings_is_named_and_nothing_starts(instances, tmp_path):
    wrong = {
        "storageType": "memcached",
        "sessionSecret": "short",
        "commandTimeout": "5",
        "foo": 1,
    }
    with pytest.raises(AssertionError) as refused:
        await instances.start(1, env={"EXT_SESSION_MGT": wrong})
    text = str(refused.value)
    for line in (
        "EXT_SESSION_MGT: Missing required property: instanceName",
        'EXT_SESSION_MGT/storageType: No enum match for: "memcached"',
        "EXT_SESSION_MGT/sessionSecret: String is too short (5 chars), minimum 64",
        "EXT_SESSION_MGT/commandTimeout: Invalid type: string (expected integer)",
        "EXT_SESSION_MGT/foo: Additional properties not allowed",
    ):
        assert line in text


async def test_a_cookie_name_of_ones_own_means_that_the_store_is_asked_each_time(world, instances):
    """Nothing tells the second router of the logout: it learns of it because it asks."""
    world.clock.now = time.time()
    services = {"store": instances.store.binding()}
    env = {"EXT_SESSION_MGT": settings_of(instances.store), "SESSION_COOKIE_NAME": "MYSESS"}
    first = await world.start(services=services, env=env | {"destinations": [{"name": "b", "url": world.backend.url}]})
    await first.log_in()
    await world.start(services=services, env=env | {"destinations": [{"name": "b", "url": world.backend.url}]})
    second = replace(first, origin=world.origin)
    assert await status(second) == 200
    for task in world.app.sessions.reach.tasks:
        task.cancel()
    cookie = first.cookie("MYSESS")
    assert await status(second) == 200

    left = await first.get("/do/logout")

    assert left.status_code == 302
    second.set_cookie("MYSESS", cookie)
    assert await status(second) == 401
