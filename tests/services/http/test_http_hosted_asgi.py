"""An ASGI application that our engine serves: what it is told of a request, and what becomes of its answer."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from entryway.http.hosted_asgi import HostedAsgi
from entryway.landscape.serve import LIMITS


async def tell(request: Request) -> Response:
    body = await request.body()
    scope = request.scope
    told = {name: scope[name] for name in ("method", "path", "http_version", "scheme", "root_path", "extensions")}
    texts = {name: scope[name].decode() for name in ("raw_path", "query_string")}
    hosts = [value.decode() for name, value in scope["headers"] if name == b"host"]
    return JSONResponse(told | texts | {"body": body.decode(), "hosts": hosts, "client": scope["client"][0]})


async def pieces(_: Request) -> Response:
    async def some():
        yield b"one "
        await asyncio.sleep(0)
        yield b"two"

    return StreamingResponse(some(), headers={"x-kept": "yes"}, status_code=203)


async def broken(_: Request) -> Response:
    raise RuntimeError("a secret reason")


async def silent(scope: object, receive: object, send: object) -> None:
    """Answer nothing at all."""


@pytest.fixture
def app() -> HostedAsgi:
    methods = ["GET", "POST", "HEAD"]
    routes = [
        Route("/pieces", pieces),
        Route("/broken", broken),
        Route("/{rest:path}", tell, methods=methods),
    ]
    return HostedAsgi(Starlette(routes=routes), ("localhost", 1))


async def told(serve, app: HostedAsgi, data: bytes) -> dict:
    heard = await (await serve(app)).ask(data)
    assert heard.startswith(b"HTTP/1.1 200 "), heard
    return json.loads(heard.partition(b"\r\n\r\n")[2])


async def test_the_application_is_told_of_the_request(serve, app: HostedAsgi) -> None:
    found = await told(
        serve,
        app,
        b"POST /a%20b%2Fc?x=1&y=%20 HTTP/1.1\r\nhost: here\r\nconnection: close\r\n"
        b"transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
    )
    assert found == {
        "method": "POST",
        "path": "/a b/c",
        "raw_path": "/a%20b%2Fc",
        "query_string": "x=1&y=%20",
        "http_version": "1.1",
        "scheme": "http",
        "root_path": "",
        "extensions": {},
        "body": "abcde",
        "hosts": ["here"],
        "client": "127.0.0.1",
    }


async def test_a_target_with_a_host_names_the_host(serve, app: HostedAsgi) -> None:
    found = await told(serve, app, b"GET http://there:80/x HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n")
    assert (found["hosts"], found["path"]) == (["there:80"], "/x")


async def test_an_answer_in_pieces_comes_whole(serve, app: HostedAsgi) -> None:
    heard = await (await serve(app)).ask(b"GET /pieces HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    head, _, body = heard.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 203 ")
    assert b"x-kept: yes" in head
    assert b"content-length: 7" in head
    assert body == b"one two"


async def test_head_has_no_body(serve, app: HostedAsgi) -> None:
    heard = await (await serve(app)).ask(b"HEAD /x HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    assert heard.startswith(b"HTTP/1.1 200 ")
    assert heard.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"CONNECT host:443 HTTP/1.1\r\nhost: host:443", b"400"),
        (b"OPTIONS * HTTP/1.1\r\nhost: x", b"400"),
        (b"GET /broken HTTP/1.1\r\nhost: x", b"500"),
    ],
)
async def test_what_cannot_be_answered(serve, app: HostedAsgi, line: bytes, status: bytes) -> None:
    heard = await (await serve(app)).ask(line + b"\r\nconnection: close\r\n\r\n")
    assert heard.split(b" ")[1] == status
    assert b"secret" not in heard


async def test_an_application_that_says_nothing_is_answered_for(serve) -> None:
    heard = await (await serve(HostedAsgi(silent, ("localhost", 1)))).ask(
        b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
    )
    assert heard.startswith(b"HTTP/1.1 500 ")


async def test_a_client_that_goes_away_ends_the_work_for_it(serve) -> None:
    began, ended = asyncio.Event(), asyncio.Event()

    async def works(_: Request) -> Response:
        began.set()
        try:
            await asyncio.Future()
        finally:
            ended.set()
        raise AssertionError

    place = await serve(HostedAsgi(Starlette(routes=[Route("/", works)]), ("localhost", 1)))
    wire = await place.dial()
    await wire.saying(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
    await began.wait()
    await wire.close()
    async with asyncio.timeout(5):
        await ended.wait()


async def test_who_drips_a_body_is_refused_when_the_time_is_over(serve, app: HostedAsgi) -> None:
    assert LIMITS.request_timeout == 120
    place = await serve(app, replace(LIMITS, request_timeout=0.3))
    wire = await place.dial()
    await wire.saying(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n")

    async def drip() -> None:
        while True:
            await wire.saying(b"x")
            await asyncio.sleep(0.05)

    dripping = asyncio.create_task(drip())
    heard = await wire.hear_all(5)
    dripping.cancel()
    assert heard.startswith(b"HTTP/1.1 408 ")
