"""The store of shared sessions against a real server: two routers' stores, side by side."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from redis_servers import PASSWORD, SECRET, RedisServer, running_redis, until

from entryway.config.external_sessions import Address, SessionStoreSettings
from entryway.router.backend_cookies import CookieJar, parse_set_cookie
from entryway.router.errors import LoginStateInvalid, SessionStoreUnavailable
from entryway.router.sessions import Login, Renewal, Session
from entryway.router.shared_sessions.build import open_shared
from entryway.router.shared_sessions.store import SharedSessions


def login(**more: object) -> Login:
    return replace(
        Login(
            access_token="a.b.c",
            refresh_token="r1",
            expires_at=time.time() + 600,
            refresh_at=time.time() + 300,
            authorization=b"Bearer a.b.c",
            scopes=frozenset({"shop.view"}),
            claims={"user_name": "alex", "sub": "7"},
            user="alex",
        ),
        **more,
    )


@dataclass
class Stores:
    stack: AsyncExitStack
    redis: RedisServer
    expired: list[Session] = field(default_factory=list)

    async def open(self, *, secret: str = SECRET, lifetime: float = 60, **settings: object) -> SharedSessions:
        """Start what one router has of the sessions, and wait until it follows the others."""
        store = self.make(secret=secret, lifetime=lifetime, **settings)
        store.start()
        self.stack.push_async_callback(store.close)
        await until(lambda: asyncio.sleep(0, all(changes.certain_until for changes in store.reach.changes)))
        return store

    def make(self, *, secret: str = SECRET, lifetime: float = 60, **settings: object) -> SharedSessions:
        reached = {"addresses": (Address("127.0.0.1", self.redis.port),), "password": PASSWORD} | settings
        chosen = {"command_timeout": 1, "connect_timeout": 1, "longest_wait": 0.1} | reached
        store = open_shared(SessionStoreSettings(secret=secret, **chosen), {}, lifetime, time.time)
        store.configure(lifetime, self.expired.append)
        return store


@pytest.fixture
async def stores(tmp_path: Path) -> AsyncIterator[Stores]:
    async with AsyncExitStack() as stack:
        redis = await stack.enter_async_context(running_redis(tmp_path / "redis"))
        yield Stores(stack, redis)


def new(store: SharedSessions, user: Login | None = None) -> Session:
    session = store.maker.new(os.urandom(64), time.time())
    session.login = user
    return session


def add_cookie(session: Session, line: bytes, destination: str = "b") -> None:
    cookie = parse_set_cookie(line)
    assert cookie is not None
    session.jars = {destination: CookieJar(), **session.jars}
    session.jars[destination].keep(cookie, b"backend", b"/x/y")


async def test_another_router_knows_the_session_and_everything_in_it(stores):
    a, b = await stores.open(), await stores.open()
    session = new(a, login())
    add_cookie(session, b"bs=1; Path=/")
    await a.save(session)
    other = await b.load(session.cookie)
    assert other is not session
    assert (other.login, other.csrf_token) == (session.login, session.csrf_token)
    assert other.jars["b"].header(b"backend", b"/x") == b"bs=1"
    assert await b.load(session.cookie) is other


async def test_a_logout_is_seen_within_a_second_and_nothing_brings_the_session_back(stores):
    a, b = await stores.open(), await stores.open()
    session = new(a, login())
    await a.save(session)
    other = await b.load(session.cookie)
    assert other is not None
    await a.drop(session)

    async def gone() -> bool:
        return await b.load(session.cookie) is None

    assert await until(gone) < 1
    assert other.ended
    add_cookie(other, b"bs=1; Path=/")
    other.ended = False  # as if the news had not arrived yet
    await b.save(other)
    assert other.ended
    assert await a.load(session.cookie) is None
    assert await b.load(session.cookie) is None


async def test_a_logout_is_seen_without_the_news_of_it(stores):
    a, b = await stores.open(), await stores.open()
    session = new(a, login())
    await a.save(session)
    assert await b.load(session.cookie) is not None
    for task in b.reach.tasks:
        task.cancel()
    await a.drop(session)
    began = time.monotonic()

    async def gone() -> bool:
        return await b.load(session.cookie) is None

    await until(gone)
    assert time.monotonic() - began < 1


async def test_a_router_that_always_asks_sees_a_logout_at_once(stores):
    a, b = await stores.open(), await stores.open()
    b.ask_always(True)
    session = new(a, login())
    await a.save(session)
    assert await b.load(session.cookie) is not None
    for task in b.reach.tasks:
        task.cancel()  # no news arrive any more
    await a.drop(session)
    assert await b.load(session.cookie) is None


async def test_what_two_routers_add_at_the_same_time_is_kept(stores):
    a, b = await stores.open(), await stores.open()
    session = new(a, login())
    await a.save(session)
    other = await b.load(session.cookie)
    add_cookie(session, b"one=1; Path=/")
    add_cookie(other, b"two=2; Path=/")
    await asyncio.gather(a.save(session), b.save(other))
    c = await stores.open()
    third = await c.load(session.cookie)
    assert set(third.jars["b"].header(b"backend", b"/").split(b"; ")) == {b"one=1", b"two=2"}

    async def both() -> bool:
        jars = [(await store.load(session.cookie)).jars["b"] for store in (a, b)]
        return all(jar.header(b"backend", b"/").count(b"=") == 2 for jar in jars)

    assert await until(both) < 1
    session.jars["b"].forget(b"one")
    await a.save(session)

    async def forgotten() -> bool:
        return (await b.load(session.cookie)).jars["b"].header(b"backend", b"/") == b"two=2"

    assert await until(forgotten) < 1


async def test_values_and_names_cannot_be_read_in_the_store(stores):
    a = await stores.open()
    session = new(a, login(access_token="secret-token", claims={"email": "john.doe@example.com"}))
    add_cookie(session, b"backendcookie=backendvalue; Path=/")
    await a.save(session)
    words = []
    for key in await stores.redis.command("KEYS", "*"):
        kind = await stores.redis.command("TYPE", key)
        content = await stores.redis.command(*(("HGETALL", key) if kind == b"hash" else ("XRANGE", key, "-", "+")))
        words.append(repr((key, content)))
    text = "".join(words)
    for secret in ("secret-token", "john.doe", "backendcookie", "backendvalue", session.name, "alex"):
        assert secret not in text
    (key,) = await stores.redis.session_keys()
    assert sum(map(len, await stores.redis.command("HVALS", key))) < 700


async def test_a_value_moved_to_another_session_is_not_believed(stores):
    a, b = await stores.open(), await stores.open()
    mine, yours = new(a, login()), new(a, login(user="admin"))
    await a.save(mine)
    (my_key,) = await stores.redis.session_keys()
    await a.save(yours)
    (your_key,) = set(await stores.redis.session_keys()) - {my_key}
    await stores.redis.command("HSET", my_key, "i", await stores.redis.command("HGET", your_key, "i"))
    assert await b.load(mine.cookie) is None
    assert (await b.load(yours.cookie)).login.user == "admin"


async def test_another_secret_means_other_sessions(stores):
    a, b = await stores.open(), await stores.open(secret="another-secret-" * 5)
    session = new(a, login())
    await a.save(session)
    assert await b.load(session.cookie) is None
    forged = b.maker.cookie_value(session.name)
    assert await b.load(forged) is None
    assert await a.load(forged) is None
    assert await a.load(session.cookie) is session


@pytest.mark.parametrize("cookie", [b"", b"s%3A", b"s%3A" + b"x" * 32 + b".sig", b"\xff" * 100, b"s%3A" + b"\xff" * 40])
async def test_a_cookie_that_we_did_not_sign_is_not_looked_up(stores, cookie):
    a = await stores.open()
    before = await stores.redis.command("INFO", "commandstats")
    assert await a.load(cookie) is None
    after = await stores.redis.command("INFO", "commandstats")
    assert [name for name in after if "hget" in name] == [name for name in before if "hget" in name]


async def test_keys_live_as_long_as_the_session_and_requests_prolong_them(stores):
    a = await stores.open(lifetime=120)
    session = new(a, login())
    await a.save(session)
    (key,) = await stores.redis.session_keys()
    assert 119_000 < await stores.redis.command("PTTL", key) <= 120_000
    await stores.redis.command("PEXPIRE", key, 50_000)
    await a.load(session.cookie)
    await asyncio.sleep(0.2)
    assert await stores.redis.command("PTTL", key) <= 50_000  # not on every request
    a.held.by_cookie[session.name.encode()].prolonged -= 2.1
    await a.load(session.cookie)

    async def prolonged() -> bool:
        return await stores.redis.command("PTTL", key) > 119_000

    await until(prolonged)


async def test_a_session_expires_once_however_many_routers_know_it(stores):
    a, b = await stores.open(lifetime=1.0), await stores.open(lifetime=1.0)
    session = new(a, login())
    await a.save(session)
    assert await b.load(session.cookie) is not None
    await until(lambda: asyncio.sleep(0, stores.expired))
    await asyncio.sleep(0.5)
    assert [each.name for each in stores.expired] == [session.name]
    assert await a.load(session.cookie) is None
    assert await b.load(session.cookie) is None


async def test_a_session_that_another_router_serves_does_not_expire_here(stores):
    a, b = await stores.open(lifetime=1.0), await stores.open(lifetime=1.0)
    session = new(a, login())
    await a.save(session)
    for _ in range(8):
        await asyncio.sleep(0.2)
        copy = b.held.get(session.name.encode())
        if copy is not None:
            copy.prolonged = 0
        assert await b.load(session.cookie) is not None
    assert stores.expired == []
    assert await a.load(session.cookie) is not None


async def test_sessions_in_reach_go_on_while_the_store_is_down_and_return_to_it(stores):
    a, b = await stores.open(), await stores.open()
    session = new(a, login())
    await a.save(session)
    assert await a.answers()
    await stores.redis.kill()

    async def lost() -> bool:
        return not any(changes.up for store in (a, b) for changes in store.reach.changes)

    await until(lost)
    assert not await a.answers()
    assert await a.load(session.cookie) is session
    add_cookie(session, b"bs=1; Path=/")
    await a.save(session)
    unknown = await b.load(session.cookie)
    assert unknown.unreachable
    assert unknown.login is None
    with pytest.raises(SessionStoreUnavailable):
        await a.save(new(a, login()))
    await stores.redis.start()  # empty

    async def back() -> bool:
        await a.load(session.cookie)
        other = await b.load(session.cookie)
        return other is not None and other.login is not None

    await until(back)
    assert (await b.load(session.cookie)).jars["b"].header(b"backend", b"/") == b"bs=1"


async def test_a_logout_while_the_store_is_down_counts_when_it_returns(stores):
    redis = stores.redis
    redis.extra = ("--appendfsync", "always")
    a, b = await stores.open(), await stores.open()
    session = new(a, login())
    await a.save(session)
    assert await b.load(session.cookie) is not None
    await redis.kill()

    async def lost() -> bool:
        return not any(changes.up for store in (a, b) for changes in store.reach.changes)

    await until(lost)
    await a.drop(session)
    assert await b.load(session.cookie) is not None
    await redis.start()

    async def gone() -> bool:
        return await b.load(session.cookie) is None

    await until(gone)
    await asyncio.sleep(0.5)
    assert await a.load(session.cookie) is None
    assert await b.load(session.cookie) is None


async def test_a_lost_key_is_written_again_by_the_router_that_serves_the_session(stores):
    a, b = await stores.open(), await stores.open()
    session = new(a, login())
    await a.save(session)
    await stores.redis.command("FLUSHALL")
    a.held.by_cookie[session.name.encode()].prolonged = 0
    assert await a.load(session.cookie) is session

    async def written() -> bool:
        await a.load(session.cookie)
        return bool(await stores.redis.session_keys())

    await until(written)
    assert (await b.load(session.cookie)).login == session.login


async def test_a_store_that_hangs_does_not_keep_known_sessions_waiting(stores):
    a, b = await stores.open(), await stores.open()
    session = new(a, login())
    await a.save(session)
    stores.redis.pause()
    slowest = 0.0
    for _ in range(20):
        began = time.monotonic()
        assert await a.load(session.cookie) is session
        slowest = max(slowest, time.monotonic() - began)
        await asyncio.sleep(0.1)
    assert slowest < 0.8
    assert (await b.load(session.cookie)).unreachable
    stores.redis.resume()

    async def back() -> bool:
        return not (await b.load(session.cookie)).unreachable

    await until(back)


async def test_one_router_renews_a_token_and_the_others_get_it(stores):
    a, b = await stores.open(), await stores.open()
    session = new(a, login())
    await a.save(session)
    other = await b.load(session.cookie)
    old = other.login
    assert await a.begin_renewal(session, session.login)
    waiting = asyncio.create_task(b.begin_renewal(other, old))
    await asyncio.sleep(0.2)
    assert not waiting.done()
    fresh = login(access_token="fresh", expires_at=time.time() + 6000)
    before, session.login = session.login, fresh
    await a.save(session)
    await a.end_renewal(session, before, Renewal.DONE)
    assert await waiting is False
    assert other.login == fresh
    assert await b.begin_renewal(other, other.login)  # the lease is free again


@pytest.mark.parametrize(("outcome", "again"), [(Renewal.REFUSED, float("inf")), (Renewal.FAILED, 20)])
async def test_a_renewal_that_did_not_succeed_is_known_to_the_others(stores, outcome, again):
    a, b = await stores.open(), await stores.open()
    session = new(a, login())
    await a.save(session)
    other = await b.load(session.cookie)
    assert await a.begin_renewal(session, session.login)
    await a.end_renewal(session, session.login, outcome)
    assert await b.begin_renewal(other, other.login) is False
    assert other.refresh_not_before == pytest.approx(again if again == float("inf") else time.time() + again, abs=2)


async def test_a_router_that_dies_while_it_renews_holds_nobody_up_for_long(stores):
    a, b = await stores.open(), await stores.open()
    session = new(a, login())
    await a.save(session)
    other = await b.load(session.cookie)
    assert await a.begin_renewal(session, session.login)
    (lease,) = await stores.redis.command("KEYS", "*:renewal")
    assert 20_000 < await stores.redis.command("PTTL", lease) <= 30_000
    await stores.redis.command("PEXPIRE", lease, 100)
    assert await b.begin_renewal(other, other.login)


async def test_a_state_works_once_on_all_routers_together(stores):
    a, b = await stores.open(), await stores.open()
    await a.use_state("state-1", 180)
    for store in (a, b):
        with pytest.raises(LoginStateInvalid):
            await store.use_state("state-1", 180)
    await b.use_state("state-2", 180)


@pytest.mark.parametrize(
    "wrong", [{"password": "wrong"}, {"password": None}, {"addresses": (Address("127.0.0.1", 1),)}]
)
async def test_a_store_that_cannot_be_used_refuses_logins_and_names_no_secret(stores, wrong):
    a = stores.make(**wrong)
    a.start()
    stores.stack.push_async_callback(a.close)
    with pytest.raises(SessionStoreUnavailable) as refused:
        await a.save(new(a, login()))
    assert "wrong" not in refused.value.detail.lower().replace("wrongpass", "")
    with pytest.raises(SessionStoreUnavailable):
        await a.use_state("state", 180)


async def test_anonymous_sessions_are_shared_too(stores):
    a, b = await stores.open(), await stores.open()
    session = new(a)
    await a.save(session)
    assert (await b.load(session.cookie)).csrf_token == session.csrf_token
