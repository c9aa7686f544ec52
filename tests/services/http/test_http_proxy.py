"""The two sides together: bodies, aborts, early answers, upgrades and failures cross a proxy as they should."""

from __future__ import annotations

import asyncio

import pytest

from entryway.http import Headers, Limits, Origin, OutgoingRequest, Request, Response, Timeouts
from entryway.testing.upstream import Wire, recording_upstream, says, scripted_upstream

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def test_a_request_and_its_answer_cross(proxy):
    async with recording_upstream() as upstream:
        place = await proxy(upstream.origin)
        answer = await place.ask(
            b"POST /a%20b?c=d HTTP/1.1\r\nHost: app.example\r\nContent-Length: 4\r\nX-Two: 1\r\nX-Two: 2\r\n"
            b"Connection: close, X-Private\r\nX-Private: here\r\nKeep-Alive: 5\r\nTE: trailers\r\n\r\nbody",
        )

        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
        assert answer.endswith(b'\r\n\r\n{"ok": true}')
        (seen,) = upstream.requests
        assert (seen.method, seen.target, seen.body) == ("POST", "/a%20b?c=d", b"body")
        assert seen.headers.raw == [
            (b"host", b"app.example"),
            (b"x-two", b"1"),
            (b"x-two", b"2"),
            (b"content-length", b"4"),
        ]


async def test_one_upstream_connection_serves_many_requests(proxy):
    async def script(wire: Wire) -> None:
        while True:
            await wire.hear_head()
            await wire.saying(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    async with scripted_upstream(script) as upstream:
        place = await proxy(upstream.origin)
        wire = await place.dial()
        for _ in range(10):
            await wire.saying(GET)
            await wire.hear_head()
            assert await wire.hear(2) == b"ok"

        assert len(upstream.connections) == 1


async def test_chunks_and_trailers_cross_in_both_directions(proxy):
    async def script(wire: Wire) -> None:
        await wire.hear_until(b"\r\n0\r\nx-up: 1\r\n\r\n")
        await wire.saying(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Down\r\n\r\n"
            b"3\r\nabc\r\n3\r\ndef\r\n0\r\nX-Down: 2\r\nContent-Length: 9\r\n\r\n".replace(
                b"Content-Length: 9\r\n", b""
            ),
        )
        await wire.hear_head()

    async with scripted_upstream(script) as upstream:
        place = await proxy(upstream.origin)
        wire = await place.dial()
        await wire.saying(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nwiki\r\n")
        await wire.saying(b"5\r\npedia\r\n0\r\nX-Up: 1\r\nHost: smuggled\r\n\r\n")

        assert b"transfer-encoding: chunked" in await wire.hear_head()
        body = await wire.hear_until(b"0\r\n")
        assert body.replace(b"3\r\nabc\r\n3\r\ndef\r\n", b"6\r\nabcdef\r\n") == b"6\r\nabcdef\r\n0\r\n"
        assert await wire.hear_until(b"\r\n\r\n") == b"x-down: 2\r\n\r\n"
        sent = bytes(upstream.connections[0].heard)
        assert b"transfer-encoding: chunked" in sent
        assert b"smuggled" not in sent


async def test_a_body_streams_before_it_is_complete(proxy):
    release = asyncio.Event()

    async def script(wire: Wire) -> None:
        await wire.hear_head()
        await wire.saying(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc")
        await release.wait()
        await wire.saying(b"def")
        await wire.hear_head()

    async with scripted_upstream(script) as upstream:
        place = await proxy(upstream.origin)
        wire = await place.dial()
        await wire.saying(GET)
        await wire.hear_head()
        assert await wire.hear(3) == b"abc"
        release.set()
        assert await wire.hear(3) == b"def"


async def test_a_request_body_streams_before_it_is_complete(proxy):
    got_half = asyncio.Event()

    async def script(wire: Wire) -> None:
        await wire.hear_until(b"half")
        got_half.set()
        await wire.hear_until(b"rest")
        await wire.saying(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await wire.hear_head()

    async with scripted_upstream(script) as upstream:
        place = await proxy(upstream.origin)
        wire = await place.dial()
        await wire.saying(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\nhalf")
        await asyncio.wait_for(got_half.wait(), 5)
        await wire.saying(b"rest")
        assert (await wire.hear_head()).startswith(b"HTTP/1.1 200")


async def test_a_slow_reader_slows_the_upstream_down(proxy):
    sent = 0
    total = 64 * 1024 * 1024

    async def script(wire: Wire) -> None:
        nonlocal sent
        await wire.hear_head()
        wire.say(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % total)
        piece = b"x" * 65536
        while sent < total:
            await wire.saying(piece)
            sent += len(piece)
        await wire.hear_head()

    async with scripted_upstream(script) as upstream:
        place = await proxy(upstream.origin)
        wire = await place.dial()
        await wire.saying(GET)
        await wire.hear_head()
        before = -1
        while sent != before:  # until nothing moves any more
            before = sent
            await asyncio.sleep(0.3)
        assert sent < total / 2

        received = 0
        while received < total:
            received += len(await asyncio.wait_for(wire.reader.read(1 << 20), 5))
        assert received == total


async def test_a_slow_upstream_slows_the_writer_down(proxy):
    read_on = asyncio.Event()
    total = 64 * 1024 * 1024

    async def script(wire: Wire) -> None:
        await wire.hear_head()
        await read_on.wait()
        received = 0
        while received < total:
            received += len(await wire.reader.read(1 << 20))
        await wire.saying(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await wire.hear_head()

    async with scripted_upstream(script) as upstream:
        place = await proxy(upstream.origin)
        wire = await place.dial()
        wire.say(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % total)
        sent = 0

        async def upload() -> None:
            nonlocal sent
            while sent < total:
                await wire.saying(b"x" * 65536)
                sent += 65536

        uploading = asyncio.create_task(upload())
        before = -1
        while sent != before:
            before = sent
            await asyncio.sleep(0.3)
        assert sent < total / 2

        read_on.set()
        await asyncio.wait_for(uploading, 20)
        assert (await wire.hear_head(20)).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("method", [b"GET", b"POST", b"PUT", b"DELETE", b"HEAD", b"PATCH"])
@pytest.mark.parametrize("gone", ["closed", "reset"])
async def test_a_client_that_goes_away_ends_the_upstream_request(proxy, method, gone):
    asked, ended = asyncio.Event(), asyncio.Event()

    async def script(wire: Wire) -> None:
        await wire.hear_head()
        asked.set()
        await wire.closed()
        ended.set()

    async with scripted_upstream(script) as upstream:
        place = await proxy(upstream.origin)
        wire = await place.dial()
        await wire.saying(method + b" / HTTP/1.1\r\nHost: x\r\n\r\n")
        await asyncio.wait_for(asked.wait(), 5)

        if gone == "closed":
            await wire.close()
        else:
            wire.reset()

        await asyncio.wait_for(ended.wait(), 1)


async def test_a_client_that_goes_away_in_the_middle_of_an_answer_ends_the_upstream_request(proxy):
    ended = asyncio.Event()

    async def script(wire: Wire) -> None:
        await wire.hear_head()
        await wire.saying(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome")
        await wire.closed()
        ended.set()

    async with scripted_upstream(script) as upstream:
        place = await proxy(upstream.origin)
        wire = await place.dial()
        await wire.saying(GET)
        await wire.hear_until(b"some")
        await wire.close()

        await asyncio.wait_for(ended.wait(), 1)


async def test_a_client_that_goes_away_in_the_middle_of_its_request_ends_the_upstream_request(proxy):
    seen = []
    ended = asyncio.Event()

    async def script(wire: Wire) -> None:
        await wire.hear_until(b"half")
        seen.append(await wire.reader.read())
        ended.set()

    async with scripted_upstream(script) as upstream:
        place = await proxy(upstream.origin)
        wire = await place.dial()
        await wire.saying(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")
        await asyncio.sleep(0.05)
        await wire.close()

        await asyncio.wait_for(ended.wait(), 1)
        assert b"0\r\n\r\n" not in b"".join(seen)  # the upstream must not take it for complete


@pytest.mark.parametrize("framing", [b"Content-Length: 100", b"Transfer-Encoding: chunked"])
@pytest.mark.parametrize("version", [b"1.1", b"1.0"])
async def test_an_upstream_that_dies_in_the_middle_cuts_the_client_off_visibly(proxy, framing, version):
    async def script(wire: Wire) -> None:
        await wire.hear_head()
        await wire.saying(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n\r\n4\r\nabcd\r\n")

    async with scripted_upstream(script) as upstream:
        place = await proxy(upstream.origin)
        with pytest.raises(ConnectionResetError):
            await place.ask(b"GET / HTTP/" + version + b"\r\nHost: x\r\n\r\n")


async def test_an_answer_that_ends_with_the_connection_is_complete(proxy):
    async def script(wire: Wire) -> None:
        await wire.hear_head()
        await wire.saying(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nall of it")

    async with scripted_upstream(script) as upstream:
        place = await proxy(upstream.origin)
        wire = await place.dial()
        await wire.saying(GET)
        assert b"transfer-encoding: chunked" in await wire.hear_head()
        body = await wire.hear_until(b"0\r\n\r\n")
        assert b"all of it" in body


async def test_an_early_answer_is_passed_on_while_the_request_is_still_being_sent(proxy):
    async with scripted_upstream(says(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig")) as upstream:
        place = await proxy(upstream.origin)
        wire = await place.dial()
        await wire.saying(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n" + b"x" * 1000)
        assert (await wire.hear_head()).startswith(b"HTTP/1.1 413 ")
        assert await wire.hear(3) == b"big"
        await wire.closed()


async def test_bytes_after_an_answer_do_not_become_the_next_answer(proxy):
    async def script(wire: Wire) -> None:
        await wire.hear_head()
        await wire.saying(
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\npoisoned",
        )
        await wire.closed()

    async with scripted_upstream(script) as upstream:
        place = await proxy(upstream.origin)
        for _ in range(3):
            wire = await place.dial()
            await wire.saying(GET)
            await wire.hear_head()
            assert await wire.hear(2) == b"ok"
        assert len(upstream.connections) == 3


async def test_bytes_on_an_idle_upstream_connection_do_not_become_the_next_answer(proxy):
    async def script(wire: Wire) -> None:
        await wire.hear_head()
        await wire.saying(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await asyncio.sleep(0.05)
        await wire.saying(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\npoisoned")
        await wire.closed()

    async with scripted_upstream(script) as upstream:
        place = await proxy(upstream.origin)
        for _ in range(2):
            wire = await place.dial()
            await wire.saying(GET)
            await wire.hear_head()
            assert await wire.hear(2) == b"ok"
            await asyncio.sleep(0.15)
        assert len(upstream.connections) == 2


async def test_head_204_and_304_leave_the_upstream_connection_usable(proxy):
    answers = [
        b"HTTP/1.1 200 OK\r\nContent-Length: 42\r\n\r\n",
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 42\r\nETag: x\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlast",
    ]

    async def script(wire: Wire) -> None:
        for answer in answers:
            await wire.hear_head()
            await wire.saying(answer)
        await wire.hear_head()

    async with scripted_upstream(script) as upstream:
        place = await proxy(upstream.origin)
        wire = await place.dial()
        await wire.saying(b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"content-length: 42\r\n" in await wire.hear_head()
        await wire.saying(GET)
        assert b"content-length: 42\r\n" in await wire.hear_head()
        await wire.saying(GET)
        assert b"content-length" not in await wire.hear_head()
        await wire.saying(b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"content-length" not in await wire.hear_head()
        await wire.saying(GET)
        await wire.hear_head()
        assert await wire.hear(4) == b"last"
        assert len(upstream.connections) == 1


async def test_a_body_after_head_does_not_become_the_next_answer(proxy):
    async with scripted_upstream(says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")) as upstream:
        place = await proxy(upstream.origin)
        for _ in range(2):
            wire = await place.dial()
            await wire.saying(b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (await wire.hear_head()).startswith(b"HTTP/1.1 200")
        assert len(upstream.connections) == 2


async def test_interim_responses_cross_and_are_not_mistaken_for_the_answer(proxy):
    async def script(wire: Wire) -> None:
        await wire.hear_head()
        await wire.saying(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n")
        await wire.saying(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await wire.hear_head()

    async with scripted_upstream(script) as upstream:
        place = await proxy(upstream.origin)
        wire = await place.dial()
        await wire.saying(GET)
        assert await wire.hear_head() == b"HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\n"
        assert (await wire.hear_head()).startswith(b"HTTP/1.1 200")
        assert await wire.hear(2) == b"ok"

        old = await place.dial()
        await old.saying(b"GET / HTTP/1.0\r\n\r\n")


async def test_a_websocket_is_spliced_with_half_close(proxy):
    async def script(wire: Wire) -> None:
        head = await wire.hear_head()
        assert b"\r\nconnection: upgrade\r\nupgrade: websocket\r\n" in head
        assert b"\r\nsec-websocket-key: abc\r\n" in head
        await wire.saying(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: xyz\r\n\r\nearly",
        )
        assert await wire.hear(4) == b"ping"
        await wire.saying(b"pong")
        assert await wire.hear_all() == b"last words"
        await wire.saying(b"good bye")

    async with scripted_upstream(script) as upstream:
        place = await proxy(upstream.origin)
        wire = await place.dial()
        await wire.saying(
            b"GET /ws HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n"
            b"Sec-WebSocket-Key: abc\r\n\r\n",
        )
        head = await wire.hear_head()
        assert head.startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
        assert b"\r\nconnection: upgrade\r\nupgrade: websocket\r\n" in head
        assert b"\r\nsec-websocket-accept: xyz\r\n" in head
        assert b"content-length" not in head
        assert await wire.hear(5) == b"early"
        await wire.saying(b"ping")
        assert await wire.hear(4) == b"pong"
        await wire.saying(b"last words")
        wire.writer.write_eof()
        assert await wire.hear_all() == b"good bye"


async def test_a_websocket_that_the_upstream_declines_is_an_ordinary_answer(proxy):
    async def script(wire: Wire) -> None:
        for _ in range(2):
            await wire.hear_head()
            await wire.saying(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
        await wire.hear_head()

    async with scripted_upstream(script) as upstream:
        place = await proxy(upstream.origin)
        wire = await place.dial()
        for _ in range(2):
            await wire.saying(b"GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
            assert (await wire.hear_head()).startswith(b"HTTP/1.1 403")
            assert await wire.hear(2) == b"no"
        assert len(upstream.connections) == 1


async def test_an_upgraded_connection_has_backpressure(proxy):
    total = 32 * 1024 * 1024
    sent = 0

    async def script(wire: Wire) -> None:
        nonlocal sent
        await wire.hear_head()
        wire.say(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
        while sent < total:
            await wire.saying(b"x" * 65536)
            sent += 65536

    async with scripted_upstream(script) as upstream:
        place = await proxy(upstream.origin)
        wire = await place.dial()
        await wire.saying(b"GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        await wire.hear_head()
        before = -1
        while sent != before:
            before = sent
            await asyncio.sleep(0.3)
        assert sent < total / 2
        assert len(await wire.hear_all(20)) == total


@pytest.mark.parametrize("who", ["client", "upstream"])
async def test_an_upgraded_connection_ends_on_both_sides(proxy, who):
    ended = asyncio.Event()

    async def script(wire: Wire) -> None:
        await wire.hear_head()
        await wire.saying(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
        if who == "upstream":
            wire.reset()
        else:
            await wire.closed()
        ended.set()

    async with scripted_upstream(script) as upstream:
        place = await proxy(upstream.origin)
        wire = await place.dial()
        await wire.saying(b"GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        await wire.hear_head()
        if who == "client":
            wire.reset()
        await asyncio.wait_for(ended.wait(), 2)
        await wire.closed()


async def test_switching_protocols_without_being_asked_is_a_failure(proxy):
    async def script(wire: Wire) -> None:
        await wire.hear_head()
        await wire.saying(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nHTTP/1.1 200 OK"
        )
        await wire.closed()

    async with scripted_upstream(script) as upstream:
        place = await proxy(upstream.origin)
        answer = await place.ask(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 502 ")
        assert b"entryway-error: upstream_failed" in answer


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nX : y\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\nY: b\r\n\r\n",
        b"HTTP/1.1 99 OK\r\n\r\n",
        b"HTTP/2.0 200 OK\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 300 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 200_000,
        b"",
        b"HTTP/1.1 200 OK\r\nContent-",
    ],
)
async def test_an_upstream_that_speaks_no_proper_http_is_a_502(proxy, answer):
    async def script(wire: Wire) -> None:
        await wire.hear_head()
        await wire.saying(answer)
        if len(answer) > 100_000:
            await wire.closed()

    async with scripted_upstream(script) as upstream:
        place = await proxy(upstream.origin)
        got = await place.ask(b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert got.startswith(b"HTTP/1.1 502 ")
        assert b"entryway-error: upstream_failed" in got


async def test_an_upstream_that_is_not_there_is_a_502_and_the_connection_stays(proxy):
    async with scripted_upstream(lambda wire: wire.closed()) as upstream:
        port = upstream.port
    place = await proxy(Origin("http", "127.0.0.1", port))
    wire = await place.dial()
    for _ in range(2):
        await wire.saying(GET)
        head = await wire.hear_head()
        assert head.startswith(b"HTTP/1.1 502 ")
        assert b"entryway-error: upstream_unreachable" in head
        assert str(port).encode() not in head
        await wire.hear(len(b"A system behind this application cannot be reached"))


async def test_an_upstream_that_does_not_answer_is_a_504(proxy):
    ended = asyncio.Event()

    async def script(wire: Wire) -> None:
        await wire.hear_head()
        await wire.closed()
        ended.set()

    async with scripted_upstream(script) as upstream:
        place = await proxy(upstream.origin, timeouts=Timeouts(response=0.2))
        answer = await place.ask(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 504 ")
        assert b"entryway-error: upstream_timeout" in answer
        await asyncio.wait_for(ended.wait(), 1)


async def test_an_answer_that_stalls_is_cut_off(proxy):
    async with scripted_upstream(says(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nsome")) as upstream:
        place = await proxy(upstream.origin, timeouts=Timeouts(body=0.2))
        with pytest.raises(ConnectionResetError):
            await place.ask(GET)


async def test_a_slow_upload_is_no_slow_answer(proxy):
    async def script(wire: Wire) -> None:
        await wire.hear_until(b"abcdef")
        await wire.saying(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await wire.hear_head()

    async with scripted_upstream(script) as upstream:
        place = await proxy(upstream.origin, timeouts=Timeouts(response=0.3))
        wire = await place.dial()
        await wire.saying(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\n")
        for byte in b"abcdef":
            await asyncio.sleep(0.15)
            await wire.saying(bytes([byte]))
        assert (await wire.hear_head()).startswith(b"HTTP/1.1 200")


async def test_one_failing_request_does_not_touch_another(proxy):
    going = asyncio.Event()

    async def script(wire: Wire) -> None:
        head = await wire.hear_head()
        if b"/slow" in head:
            await wire.saying(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc")
            await going.wait()
            await wire.saying(b"def")
            await wire.hear_head()

    async with scripted_upstream(script) as upstream:
        place = await proxy(upstream.origin)
        slow = await place.dial()
        await slow.saying(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        await slow.hear_until(b"abc")
        for _ in range(5):
            answer = await place.ask(b"POST /bad HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 502")
        going.set()
        assert await slow.hear(3) == b"def"


async def test_a_half_closed_client_is_answered_where_that_is_wanted(proxy):
    async def script(wire: Wire) -> None:
        await wire.hear_head()
        await asyncio.sleep(0.05)
        await wire.saying(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await wire.closed()

    async with scripted_upstream(script) as upstream:
        place = await proxy(upstream.origin, Limits(half_closed_clients=True))
        wire = await place.dial()
        wire.say(GET)
        wire.writer.write_eof()
        answer = await wire.hear_all()
        assert answer.startswith(b"HTTP/1.1 200")
        assert answer.endswith(b"ok")


async def test_connections_stay_usable_after_bodies_that_ended_while_their_consumer_was_behind(proxy):
    size = 3_000_000

    async def script(wire: Wire) -> None:
        for _ in range(4):
            await wire.hear_head()
            received = 0
            while received < size:
                received += len(await wire.reader.read(1 << 16))
                await asyncio.sleep(0.0005)
            await wire.saying(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size)
        await wire.hear_head()

    async with scripted_upstream(script) as upstream:
        place = await proxy(upstream.origin)
        wire = await place.dial()
        for _ in range(4):
            wire.say(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size + b"y" * size)
            await wire.hear_head()
            received = 0
            while received < size:
                data = await asyncio.wait_for(wire.reader.read(1 << 16), 5)
                received += len(data)
                await asyncio.sleep(0.0005)
            assert received == size
        assert len(upstream.connections) == 1


@pytest.mark.parametrize("side", ["request", "response"])
async def test_a_body_that_ends_in_the_read_that_fills_the_buffer_leaves_the_connection_usable(
    serve, client, side, monkeypatch
):
    size = 10_000  # more than a body buffers, and less than one read brings
    monkeypatch.setattr("entryway.http.body.HIGH_WATER", 5_000)

    async def script(wire: Wire) -> None:
        while True:
            await wire.hear_head()
            body = b"x" * (size if side == "response" else 2)
            await wire.saying(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    async with scripted_upstream(script) as upstream:

        async def handle(request: Request) -> Response:
            outgoing = OutgoingRequest("GET", "/", upstream.origin, Headers())
            response = await client.send(outgoing)
            await asyncio.sleep(0.02)  # behind: everything has come meanwhile
            sizes = [len(await request.body.read()), len(await response.body.read())]
            return Response(200, None, repr(sizes).encode())

        place = await serve(handle)
        wire = await place.dial()
        sent = size if side == "request" else 0
        for _ in range(5):
            wire.say(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % sent + b"y" * sent)
            await wire.hear_head()
            expected = repr([sent, size if side == "response" else 2]).encode()
            assert await wire.hear(len(expected)) == expected
        assert len(upstream.connections) == 1
