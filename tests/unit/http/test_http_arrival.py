"""What handlers wait for is, to a task, a future like any other."""

from __future__ import annotations

import asyncio

import pytest

from entryway.http.arrival import Arrival


def new_arrival() -> Arrival[str]:
    return Arrival(asyncio.get_running_loop())


async def waiting_for(arrival: Arrival[str]) -> str:
    return await arrival


async def test_a_task_gets_what_arrives():
    arrival = new_arrival()
    task = asyncio.create_task(waiting_for(arrival))
    await asyncio.sleep(0)
    assert not arrival.done()
    arrival.arrive("here")
    arrival.arrive("too late")
    arrival.disappoint(ValueError("too late"))
    assert await task == "here"
    assert (arrival.done(), arrival.cancelled(), arrival.exception()) == (True, False, None)


async def test_what_arrived_before_is_there_at_once():
    arrival = new_arrival()
    arrival.arrive("here")
    assert await arrival == "here"


async def test_a_task_gets_the_error_instead():
    arrival = new_arrival()
    task = asyncio.create_task(waiting_for(arrival))
    await asyncio.sleep(0)
    arrival.disappoint(ValueError("gone"))
    with pytest.raises(ValueError, match="gone"):
        await task
    assert isinstance(arrival.exception(), ValueError)


async def test_whoever_is_cancelled_cancels_it():
    arrival = new_arrival()
    task = asyncio.create_task(waiting_for(arrival))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert arrival.cancelled()
    assert not arrival.cancel()
    arrival.arrive("too late")
    with pytest.raises(asyncio.CancelledError):
        arrival.result()
    with pytest.raises(asyncio.CancelledError):
        arrival.exception()


async def test_it_may_be_waited_for_for_a_while():
    arrival = new_arrival()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(waiting_for(arrival), 0.01)
    assert arrival.cancelled()


async def test_nothing_is_there_before_it_arrives():
    arrival = new_arrival()
    assert asyncio.isfuture(arrival)
    assert arrival.get_loop() is asyncio.get_running_loop()
    with pytest.raises(asyncio.InvalidStateError):
        arrival.result()


async def test_callbacks_are_called_once_by_the_loop_unless_they_are_taken_back():
    arrival = new_arrival()
    heard: list[tuple[str, object]] = []

    def first(about: object) -> None:
        heard.append(("first", about))

    def second(about: object) -> None:
        heard.append(("second", about))

    arrival.add_done_callback(first)
    arrival.add_done_callback(second)
    assert (arrival.remove_done_callback(first), arrival.remove_done_callback(first)) == (1, 0)
    arrival.arrive("here")
    arrival.add_done_callback(first)
    assert heard == []
    await asyncio.sleep(0)
    assert heard == [("second", arrival), ("first", arrival)]
