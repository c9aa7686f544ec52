"""A request whose header block is known is answered as if it were not."""

from __future__ import annotations

from uuid import uuid4

import pytest

from entryway.http import Headers, Limits, Request, Response
from entryway.http.known_heads import REQUESTS

BLOCK = b"Host: x\r\nCookie: a=b\r\nX-One: 1\r\nx-one:  2 \r\n\r\n"


async def told(request: Request) -> Response:
    """Answer with all that was understood."""
    fields = b"".join(b"%b=%b;" % pair for pair in request.headers.raw)
    request.headers.raw.clear()  # a handler may do with its copy what it likes
    said = f"{request.method} {request.target} {request.keep_alive} {request.http10} {request.upgrade} ".encode()
    return Response(200, Headers(), said + fields)


async def ask(wire, data: bytes) -> bytes:
    await wire.saying(data)
    head = await wire.hear_head()
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    return await wire.hear(length)


async def test_the_same_block_means_the_same_each_time(serve):
    place = await serve(told)
    wire, other = await place.dial(), await place.dial()
    said = [
        await ask(each, b"GET /%d?q HTTP/1.1\r\n" % number + BLOCK) for number in range(4) for each in (wire, other)
    ]
    assert said == [
        b"GET /%d?q True False None host=x;cookie=a=b;x-one=1;x-one=2;" % number
        for number in range(4)
        for _ in range(2)
    ]
    assert REQUESTS.find(BLOCK) is not None
    assert (await ask(wire, b"GET /4 HTTP/1.1\r\n" + BLOCK.replace(b"a=b", b"a=c"))).endswith(
        b"cookie=a=c;x-one=1;x-one=2;"
    )
    assert (await ask(wire, b"POST /5 HTTP/1.1\r\n" + BLOCK)).startswith(b"POST /5 True")


@pytest.mark.parametrize(
    "line",
    [
        b"GET / HTTP/1.0",
        b"GET /a b HTTP/1.1",
        b"GET / HTTP/1.1\r\nGET /x HTTP/1.1",
        b"BREW / HTTP/1.1",
        b"GET / HTTP/1.1 ",
        b"GET /\x01 HTTP/1.1",
        b"GET / HTTP/3.1",
    ],
)
async def test_behind_another_line_a_known_block_is_judged_by_llhttp(serve, line):
    place = await serve(told)
    wire = await place.dial()
    for _ in range(3):
        await ask(wire, b"GET / HTTP/1.1\r\n" + BLOCK)
    new = await place.dial()
    answers = []
    for each, block in ((wire, BLOCK), (new, BLOCK.replace(b"a=b", b"a=" + uuid4().hex.encode()))):
        await each.saying(line + b"\r\n" + block)
        answers.append((await each.hear_head()).split(b"\r\n")[0])
    assert answers[0] == answers[1]
    assert answers[0].startswith(b"HTTP/1.1 200" if b"1.0" in line else (b"HTTP/1.1 4", b"HTTP/1.1 5"))


async def test_what_is_behind_a_known_block_is_another_request(serve):
    place = await serve(told)
    wire = await place.dial()
    for _ in range(3):
        await ask(wire, b"GET / HTTP/1.1\r\n" + BLOCK)
    assert (await ask(wire, b"GET /1 HTTP/1.1\r\n" + BLOCK + b"GET /2 HTTP/1.1\r\n" + BLOCK)).startswith(b"GET /1 ")
    await wire.hear_head()
    assert (await wire.hear(7)) == b"GET /2 "


async def test_a_known_block_in_pieces_is_one_request(serve):
    place = await serve(told)
    wire = await place.dial()
    for _ in range(3):
        await ask(wire, b"GET / HTTP/1.1\r\n" + BLOCK)
    await wire.saying(b"GET /pieces HTT")
    await wire.saying(b"P/1.1\r\n" + BLOCK[:20])
    assert (await ask(wire, BLOCK[20:])).startswith(b"GET /pieces True")


async def test_a_known_request_is_held_to_the_limits_of_its_server(serve):
    large, small = await serve(told), await serve(told, Limits(header_count=3))
    short, few = await serve(told, Limits(target_bytes=10)), await serve(told, Limits(requests_per_connection=4))
    wire = await large.dial()
    for _ in range(3):
        await ask(wire, b"GET / HTTP/1.1\r\n" + BLOCK)
    assert (await small.ask(b"GET / HTTP/1.1\r\n" + BLOCK)).startswith(b"HTTP/1.1 431 ")
    assert (await short.ask(b"GET /0123456789 HTTP/1.1\r\n" + BLOCK)).startswith(b"HTTP/1.1 414 ")
    wire = await few.dial()
    said = [await ask(wire, b"GET / HTTP/1.1\r\n" + BLOCK) for _ in range(4)]
    assert [b"/ True" in each for each in said] == [True, True, True, False]
