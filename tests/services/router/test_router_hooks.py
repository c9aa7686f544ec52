"""Hooks: an application's own code sees every request, may change it, answer it or refuse it, and breaks nothing."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from entryway.errors import Forbidden
from entryway.http import Headers, OutgoingRequest, Request, Response
from entryway.router.hooks import Hooks, Visit

if TYPE_CHECKING:
    from router_world import World


class OutOfHours(Forbidden):
    code = "out_of_hours"


async def test_a_hook_changes_what_the_backend_gets_and_what_the_client_gets(world: World):
    visits = []

    async def before(outgoing: OutgoingRequest, visit: Visit) -> None:
        visits.append((visit.route, visit.destination, visit.login and visit.login.user))
        outgoing.headers.set(b"x-added", b"yes")

    def after(response: Response, _: Visit) -> None:
        response.headers.set(b"x-after", str(response.status).encode())

    browser = await world.start(hooks=Hooks(before_backend=before, after_backend=after))
    await browser.log_in()
    answer = await browser.get("/private/x")
    assert answer.headers["x-after"] == "200"
    assert world.backend.requests[-1].headers.text("x-added") == "yes"
    assert visits == [("/routes/0 ^/private/(.*)$", "b", "alex")]


async def test_a_hook_may_answer_itself(world: World):
    def before_login(request: Request) -> Response | None:
        return Response(200, Headers(), b"pong") if request.target == "/ping" else None

    async def before(_: OutgoingRequest, visit: Visit) -> Response | None:
        return Response(429, Headers([(b"retry-after", b"3")])) if "much" in visit.request.target else None

    browser = await world.start(hooks=Hooks(before_login=before_login, before_backend=before))
    assert (await browser.get("/ping")).text == "pong"
    answer = await browser.get("/public/much")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "3")
    assert world.backend.requests == []
    assert (await browser.get("/public/x")).status_code == 200


async def test_what_a_hook_adds_to_headers_reaches_the_backend_each_time(world: World):
    """Also when the client's headers have come before, and most of what follows from them is known."""
    numbers = count()

    def before_login(request: Request) -> None:
        request.headers.raw.append((b"x-number", b"%d" % next(numbers)))

    browser = await world.start(hooks=Hooks(before_login=before_login))
    for _ in range(4):
        await browser.get("/public/x")
    assert [asked.headers.text("x-number") for asked in world.backend.requests] == ["0", "1", "2", "3"]


async def test_a_hook_may_put_another_answer_in_the_place_of_the_backends(world: World):
    async def after(response: Response, _: Visit) -> Response:
        body = response.body if isinstance(response.body, bytes) else await response.body.read()
        return Response(203, Headers(), b"<" + body[:1] + b">")

    browser = await world.start(hooks=Hooks(after_backend=after))
    answer = await browser.get("/public/x")
    assert (answer.status_code, answer.text) == (203, "<{>")


async def test_a_hook_comes_after_the_checks_and_cannot_be_reached_around_them(world: World):
    called = []
    browser = await world.start(hooks=Hooks(before_backend=lambda *_: called.append(1)))
    assert (await browser.get("/private/x", x_requested_with="XMLHttpRequest")).status_code == 401
    assert called == []


async def test_a_hook_refuses_with_an_error_of_its_own(world: World):
    def closed(_: Request) -> None:
        raise OutOfHours("it is night")

    browser = await world.start(hooks=Hooks(before_login=closed))
    answer = await browser.get("/public/x")
    assert (answer.status_code, answer.headers["entryway-error"]) == (403, "out_of_hours")
    assert "night" not in answer.text


@pytest.mark.parametrize("name", ["before_login", "before_backend", "after_backend"])
@pytest.mark.parametrize("how", ["raises", "returns nonsense"])
async def test_an_error_of_a_hook_is_a_500_with_its_code_and_the_router_goes_on(world: World, name: str, how: str):
    async def broken(*_: Any) -> Any:
        if how == "raises":
            raise KeyError("a secret of the application")
        return "text"

    browser = await world.start(hooks=Hooks(**{name: broken}))
    for _ in range(2):
        answer = await browser.get("/public/x")
        assert (answer.status_code, answer.headers["entryway-error"]) == (500, "hook_failed")
        assert "secret" not in answer.text


async def test_before_login_guards_web_sockets_too(world: World):
    def closed(_: Request) -> None:
        raise OutOfHours("it is night")

    browser = await world.start(hooks=Hooks(before_login=closed), websockets={"enabled": True})
    upgrade = {"connection": "upgrade", "upgrade": "websocket", "sec_websocket_key": "dGhlIHNhbXBsZSBub25jZQ=="}
    answer = await browser.get("/public/x", sec_websocket_version="13", **upgrade)
    assert (answer.status_code, answer.headers["entryway-error"]) == (403, "out_of_hours")
    assert world.backend.requests == []
