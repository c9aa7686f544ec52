"""Sessions: found by their whole cookie only, ended by time, and never brought back."""

import asyncio
import sys

import pytest

from entryway.router.memory_sessions import MemorySessions
from entryway.router.sessions import Session, SessionMaker


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


MAKER = SessionMaker(b"k" * 32)


def new(clock: Clock, chance: int = 1) -> Session:
    return MAKER.new(bytes([chance]) * 64, clock())


async def test_a_session_is_found_by_its_cookie(clock: Clock):
    sessions = MemorySessions(60, clock)
    session = new(clock)
    await sessions.save(session)
    assert await sessions.load(session.cookie) is session
    await sessions.close()


async def test_no_other_cookie_finds_it(clock: Clock):
    sessions = MemorySessions(60, clock)
    session = new(clock)
    await sessions.save(session)
    for wrong in (
        b"",
        b"x",
        session.cookie[:-1],
        session.cookie + b"a",
        session.name.encode(),
        session.cookie[:36] + b"B" * 40,
    ):
        assert await sessions.load(wrong) is None
    await sessions.close()


async def test_use_keeps_a_session_alive_and_idleness_ends_it(clock: Clock):
    ended: list[Session] = []
    sessions = MemorySessions(60, clock, ended.append)
    session = new(clock)
    await sessions.save(session)
    for _ in range(3):
        clock.now += 59
        assert await sessions.load(session.cookie) is session
    clock.now += 60
    assert await sessions.load(session.cookie) is None
    assert ended == [session]
    await sessions.close()


async def test_idle_sessions_end_by_themselves_and_those_in_use_do_not():
    loop = asyncio.get_running_loop()
    ended: list[Session] = []
    done = asyncio.Event()
    sessions = MemorySessions(0.5, loop.time, lambda session: (ended.append(session), done.set()))
    idle, used = [MAKER.new(bytes([number]) * 64, loop.time()) for number in range(2)]
    for session in (idle, used):
        await sessions.save(session)
    async with asyncio.timeout(5):
        while not done.is_set():
            assert sessions.find(used.cookie) is used
            await asyncio.sleep(0.01)
    assert ended == [idle]
    assert len(sessions) == 1
    await sessions.close()


async def test_a_shorter_timeout_holds_for_sessions_that_are_there():
    loop = asyncio.get_running_loop()
    done = asyncio.Event()
    sessions = MemorySessions(900, loop.time)
    await sessions.save(MAKER.new(b"a" * 64, loop.time()))
    sessions.configure(0.02, lambda _: done.set())
    async with asyncio.timeout(5):
        await done.wait()
    assert len(sessions) == 0
    await sessions.close()


async def test_nothing_is_kept_of_a_session_that_was_dropped(clock: Clock):
    sessions = MemorySessions(60, clock)
    session = new(clock)
    before = sys.getrefcount(session)
    await sessions.save(session)
    assert sys.getrefcount(session) > before
    await sessions.drop(session)
    assert sys.getrefcount(session) == before
    await sessions.close()


async def test_a_session_that_was_dropped_does_not_come_back(clock: Clock):
    sessions = MemorySessions(60, clock)
    session = new(clock)
    await sessions.save(session)
    await sessions.drop(session)
    await sessions.save(session)  # a request that was still under way
    assert await sessions.load(session.cookie) is None


def test_names_and_tokens_have_the_usual_form(clock: Clock):
    session = new(clock)
    assert session.cookie.startswith(b"s%3A" + session.name.encode() + b".")
    assert len(session.name) == 32
    head, _, tail = session.csrf_token.partition(b"-")
    assert (len(head), len(tail)) == (16, 27)


def test_secrets_do_not_show(clock: Clock):
    session = new(clock)
    assert session.cookie.decode() not in repr(session)
    assert session.csrf_token.decode() not in repr(session)


async def test_strangers_cannot_fill_the_memory_with_sessions(clock: Clock, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("entryway.router.memory_sessions.MOST_ANONYMOUS", 3)
    sessions = MemorySessions(60, clock)
    made = [new(clock, number) for number in range(5)]
    for session in made:
        await sessions.save(session)
    assert [await sessions.load(session.cookie) is not None for session in made] == [False, False, True, True, True]
    await sessions.close()
