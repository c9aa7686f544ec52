"""Sessions: found by their whole cookie only, ended by time, and never brought back."""

import asyncio

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


async def test_the_order_of_use_is_kept_to_the_second(clock: Clock):
    sessions = MemorySessions(60, clock)
    made = [new(clock, number) for number in range(3)]
    for session in made:
        await sessions.save(session)
    clock.now += 10
    for session in (made[2], made[0]):
        assert sessions.find(session.cookie) is session
    clock.now += 0.5
    assert sessions.find(made[2].cookie) is made[2]
    assert list(sessions._sessions.values()) == [made[1], made[2], made[0]]
    clock.now += 0.5
    assert sessions.find(made[2].cookie) is made[2]
    assert list(sessions._sessions.values()) == [made[1], made[0], made[2]]
    clock.now += 59.5  # each ends in its own time all the same
    assert [sessions.find(session.cookie) is session for session in made] == [False, False, True]
    await sessions.close()


async def test_idle_sessions_end_by_themselves():
    ended: list[Session] = []
    loop = asyncio.get_running_loop()
    done = asyncio.Event()
    sessions = MemorySessions(0.02, loop.time, lambda session: (ended.append(session), done.set()))
    session = MAKER.new(b"a" * 64, loop.time())
    await sessions.save(session)
    async with asyncio.timeout(5):
        await done.wait()
    assert ended == [session]
    assert len(sessions) == 0
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
