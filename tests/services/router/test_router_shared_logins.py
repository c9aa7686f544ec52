"""Finding shared sessions by the identity service's name of the login, against a real server."""

import time
from contextlib import AsyncExitStack

import pytest
from redis_servers import running_redis
from test_router_shared_store import Stores, login, new

from entryway.router.errors import LoginStateInvalid, SessionStoreUnavailable


@pytest.fixture
async def stores(tmp_path):
    async with AsyncExitStack() as stack:
        redis = await stack.enter_async_context(running_redis(tmp_path / "redis"))
        yield Stores(stack, redis)


async def test_every_router_finds_the_sessions_of_a_login_and_can_end_them(stores):
    a, b = await stores.open(), await stores.open()
    mine, twin, other = new(a, login(sid="S-1")), new(a, login(sid="S-1")), new(a, login(sid="S-2"))
    for session in (mine, twin, other):
        await a.save(session)
    found = await b.with_sid("S-1")
    assert {session.name for session in found} == {mine.name, twin.name}
    for session in found:
        await b.drop(session)
    assert await b.with_sid("S-1") == []
    assert await a.load(mine.cookie) is None
    assert await a.load(other.cookie) is not None


async def test_a_login_that_nobody_has_is_found_nowhere(stores):
    store = await stores.open()
    await store.save(new(store, login()))
    await store.save(new(store))
    assert await store.with_sid("S-1") == []


async def test_a_renewed_token_is_found_under_the_same_name(stores):
    a, b = await stores.open(), await stores.open()
    session = new(a, login(sid="S-1", expires_at=time.time() + 1))
    await a.save(session)
    session.login = login(sid="S-1", access_token="d.e.f")
    await a.save(session)
    (found,) = await b.with_sid("S-1")
    assert found.login.access_token == "d.e.f"


async def test_a_router_with_another_secret_finds_nothing(stores):
    a, stranger = await stores.open(), await stores.open(secret="another secret " * 5)
    await a.save(new(a, login(sid="S-1")))
    assert await stranger.with_sid("S-1") == []


async def test_a_logout_token_is_obeyed_by_one_router_once(stores):
    a, b = await stores.open(), await stores.open()
    await a.use_state("identity of a token", 60)
    with pytest.raises(LoginStateInvalid):
        await b.use_state("identity of a token", 60)


async def test_without_the_store_nobody_is_told_that_there_was_no_session(stores):
    store = await stores.open()
    await store.save(new(store, login(sid="S-1")))
    await stores.redis.kill()
    with pytest.raises(SessionStoreUnavailable):
        await store.with_sid("S-1")
