"""A token that ends between two requests is renewed without a request."""

import asyncio

from router_neighbours import until


async def test_a_token_is_renewed_ahead_of_its_end_without_another_request(world):
    browser = await world.start(env={"JWT_REFRESH": "1"})
    world.uaa.expires_in = 61
    await browser.log_in()
    await browser.get("/private/x")
    assert world.uaa.grants("refresh_token") == []
    world.clock.now += 1
    await until(lambda: world.uaa.grants("refresh_token"))
    await browser.get("/private/x")
    assert len(world.uaa.grants("refresh_token")) == 1


async def test_nothing_is_renewed_for_a_session_that_has_ended(world):
    browser = await world.start(env={"JWT_REFRESH": "1"})
    world.uaa.expires_in = 61
    await browser.log_in()
    await browser.get("/private/x")
    refresher = world.app.router.refresher
    assert len(refresher.waking) == 1
    await browser.get("/do/logout")
    world.clock.now += 1
    await until(lambda: not refresher.waking)
    await asyncio.gather(*refresher.tasks)
    assert world.uaa.grants("refresh_token") == []


async def test_a_token_that_outlives_every_pause_needs_no_timer(world):
    browser = await world.start()
    await browser.log_in()
    await browser.get("/private/x")
    assert world.app.router.refresher.waking == {}
