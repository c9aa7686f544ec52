"""Laws that hold for any bytes: cutting makes no difference, and both sides of a proxy see the same requests."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import uvloop
from hypothesis import example, given, settings
from hypothesis import strategies as st

from entryway.http import Client, Headers, Limits, OutgoingRequest, Request, Response, Server, end_to_end
from entryway.testing.upstream import dial, recording_upstream

DATE = (b"date", b"then")
PIECES = st.sampled_from(
    [
        b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n",
        b"HEAD /h HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
        b"POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nworld\r\n0\r\nX-T: 1\r\n\r\n",
        b"GET /u HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
        b"POST /v HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\nok",
        b"POST /f HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /g HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"\r\n",
        b"GET / HTTP/1.1\nHost: x\n\n",
        b"0\r\n\r\n",
        b"X: y\r\n\r\n",
    ],
)


async def echo(request: Request) -> Response:
    body = await request.body.read()
    return Response(200, Headers([DATE]), f"{request.method} {request.target} ".encode() + body)


def render(_request: Request | None, error: Exception) -> Response:
    return Response(getattr(error, "status", 500), Headers([DATE]), type(error).__name__.encode())


async def answers(pieces: list[bytes]) -> bytes:
    server = Server(echo, Limits(header_timeout=0.3, idle_timeout=0.3, body_timeout=0.3), render)
    wire = await dial(*await server.listen("127.0.0.1", 0))
    for piece in pieces:
        wire.say(piece)  # what comes after a refusal is swallowed
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    wire.say(b"GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    answer = await wire.hear_all(10)
    await wire.close()
    await server.close(0)
    return answer


@settings(max_examples=40, deadline=None)
@given(st.lists(PIECES, min_size=1, max_size=6), st.data())
@example([b"POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"] * 3, None)
def test_how_a_stream_is_cut_makes_no_difference(pieces, data):
    stream = b"".join(pieces)
    cuts = [7, 50, 51, 99] if data is None else data.draw(st.lists(st.integers(0, len(stream)), max_size=8))
    edges = [0, *sorted(cuts), len(stream)]
    cut = [stream[begin:end] for begin, end in pairwise(edges) if end > begin]

    assert uvloop.run(answers(cut)) == uvloop.run(answers([stream]))


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(
        [
            b"POST /1 HTTP/1.1\r\nHost: x\r\nContent-Length: 40\r\n\r\nGET /inner HTTP/1.1\r\nHost: x\r\n\r\n12345678",
            (
                b"POST /1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                b"28\r\nGET /inner HTTP/1.1\r\nHost: x\r\n\r\n12345678\r\n0\r\n\r\n"
            ),
        ],
    ),
    st.lists(
        st.tuples(
            st.integers(0, 130), st.sampled_from([b"\r", b"\n", b"\t", b" ", b":", b"\0", b"\x0b", b"0", b",", b"\xa0"])
        ),
        max_size=3,
    ),
)
def test_the_upstream_sees_the_requests_that_the_proxy_saw_and_no_other(stream, inserted):
    for position, byte in inserted:
        stream = stream[:position] + byte + stream[position:]

    inside, outside = uvloop.run(seen(stream))

    assert outside == inside


async def seen(stream: bytes) -> tuple[list[tuple[str, bytes]], list[tuple[str, bytes]]]:
    """Return the requests that a proxy handled when it was sent these bytes, and those that its upstream saw."""
    handled = []
    async with recording_upstream() as upstream:
        client = Client()

        async def handle(request: Request) -> Response:
            body = await request.body.read()
            headers = end_to_end(request.headers)
            response = await client.send(
                OutgoingRequest(request.method, request.target, upstream.origin, headers, body),
            )
            handled.append((request.target, body))
            return response

        server = Server(handle, Limits(header_timeout=0.3, idle_timeout=0.3, body_timeout=0.3))
        wire = await dial(*await server.listen("127.0.0.1", 0))
        wire.say(stream)
        await wire.closed(10)
        await wire.close()
        await server.close(0)
        await client.close()
        return handled, [(request.target, request.body) for request in upstream.requests]
