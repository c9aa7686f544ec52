"""The pooled client against upstreams that say exactly the bytes of a script."""

from __future__ import annotations

import asyncio
import ssl
import time

import pytest
from http_certificates import certificates

from entryway.errors import UpstreamError, UpstreamTimeout, UpstreamUnreachable
from entryway.http import (
    Body,
    Headers,
    Origin,
    OutgoingRequest,
    Request,
    Response,
    Server,
    Timeouts,
    UpstreamConnection,
)
from entryway.testing.upstream import Wire, recording_upstream, says, scripted_upstream

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def get(origin, target: str = "/", **more) -> OutgoingRequest:
    return OutgoingRequest("GET", target, origin, Headers(), **more)


async def answering(wire: Wire) -> None:
    while True:
        await wire.hear_head()
        await wire.saying(ANSWER)


# -- what goes out


async def test_the_host_header_follows_from_the_origin_unless_it_is_given(make_client):
    async with scripted_upstream(answering) as upstream:
        client = make_client()
        await client.send(get(upstream.origin))
        await client.send(
            OutgoingRequest("GET", "/", upstream.origin, Headers([(b"a", b"b"), (b"Host", b"erp:44300")]))
        )
        await client.close()
        assert upstream.connections[0].heard == (
            b"GET / HTTP/1.1\r\nhost: 127.0.0.1:%d\r\n\r\nGET / HTTP/1.1\r\nhost: erp:44300\r\na: b\r\n\r\n"
            % upstream.port
        )


@pytest.mark.parametrize(
    ("method", "body", "expected"),
    [
        ("GET", b"", b"\r\n\r\n"),
        ("POST", b"", b"\r\ncontent-length: 0\r\n\r\n"),
        ("DELETE", b"", b"\r\n\r\n"),
        ("PUT", b"abc", b"\r\ncontent-length: 3\r\n\r\nabc"),
        ("POST", Body.of(b"abc"), b"\r\ncontent-length: 3\r\n\r\nabc"),
    ],
)
async def test_framing_follows_from_the_body_and_is_never_copied(make_client, method, body, expected):
    async with scripted_upstream(answering) as upstream:
        client = make_client()
        headers = Headers(
            [
                (b"Content-Length", b"987654"),
                (b"Transfer-Encoding", b"chunked"),
                (b"Connection", b"x"),
                (b"Expect", b"1"),
            ],
        )
        response = await client.send(OutgoingRequest(method, "/", upstream.origin, headers, body))
        assert await response.body.read() == b"ok"
        await client.close()
        heard = bytes(upstream.connections[0].heard)
        sent = heard.partition(b"\r\nhost: 127.0.0.1:%d" % upstream.port)[2]
        assert expected.startswith(sent)  # the script reads no more than the head
        assert b"987654" not in heard


@pytest.mark.parametrize(
    "request_parts",
    [
        {"target": "/a b"},
        {"target": "/a\r\nx: y"},
        {"target": "/\u00e4"},
        {"target": ""},
        {"headers": Headers.trusted([(b"x", b"a\r\ny: b")])},
        {"headers": Headers.trusted([(b"x", b"a\nb")])},
        {"headers": Headers.trusted([(b"x", b"a\0")])},
        {"headers": Headers.trusted([(b"x\r\ny", b"a")])},
        {"headers": Headers.trusted([(b"host", b"a\r\nb: c")])},
        {"method": "GET / HTTP/1.1\r\nx:"},
        {"upgrade": "websocket\r\nx: y"},
    ],
)
async def test_what_could_smuggle_is_not_sent(make_client, request_parts):
    async with scripted_upstream(answering) as upstream:
        client = make_client()
        first = await client.send(get(upstream.origin))
        assert await first.body.read() == b"ok"
        request = get(upstream.origin)
        for name, value in request_parts.items():
            setattr(request, name, value)

        with pytest.raises(ValueError):
            await client.send(request)

        again = await client.send(get(upstream.origin))
        assert await again.body.read() == b"ok"
        assert len(upstream.connections) == 1
        assert upstream.connections[0].heard.count(b"HTTP/1.1") == 2
        await client.close()


async def test_a_forward_proxy_is_asked_in_absolute_form(make_client):
    async with recording_upstream() as forward_proxy:
        client = make_client()
        origin = Origin("http", "erp.internal", 44300, proxy=(forward_proxy.host, forward_proxy.port))
        headers = Headers([(b"proxy-authorization", b"Bearer t"), (b"sap-connectivity-authentication", b"Bearer u")])
        response = await client.send(OutgoingRequest("GET", "/sap/opu?x", origin, headers))
        assert response.status == 200
        await response.body.read()
        (seen,) = forward_proxy.requests
        assert seen.target == "http://erp.internal:44300/sap/opu?x"
        assert seen.headers.get(b"host") == b"erp.internal:44300"
        assert seen.headers.get(b"proxy-authorization") == b"Bearer t"
        await client.close()


async def test_a_body_of_unknown_length_goes_out_in_chunks(make_client):
    async with recording_upstream() as upstream:
        client = make_client()

        async def chunks():
            yield b"abc"
            await asyncio.sleep(0)
            yield b"def"

        response = await client.send(
            OutgoingRequest("POST", "/", upstream.origin, Headers(), Body.from_chunks(chunks())),
        )
        await response.body.read()
        assert upstream.requests[0].body == b"abcdef"
        assert upstream.requests[0].headers.get(b"transfer-encoding") == b"chunked"
        await client.close()


async def test_a_request_body_whose_producer_fails_is_not_taken_for_complete(make_client):
    received = []

    async def script(wire: Wire) -> None:
        await wire.hear_head()
        received.append(await wire.reader.read(1000))
        received.append(await wire.reader.read(1000))

    async with scripted_upstream(script) as upstream:
        client = make_client()

        async def chunks():
            yield b"abc"
            raise RuntimeError("the disk is on fire")

        with pytest.raises(RuntimeError, match="disk"):
            await client.send(OutgoingRequest("POST", "/", upstream.origin, Headers(), Body.from_chunks(chunks())))
        await client.close()
    assert b"0\r\n\r\n" not in b"".join(received)


# -- what comes back


async def test_trailers_of_a_response_are_there_at_its_end(make_client):
    async with scripted_upstream(
        says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-Sum: 7\r\n\r\n")
    ) as upstream:
        client = make_client()
        response = await client.send(get(upstream.origin))
        assert await response.body.read() == b"a"
        assert response.body.trailers == Headers([(b"x-sum", b"7")])
        await client.close()


async def test_a_trailer_without_end_is_no_response(make_client):
    start = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-Sum: "
    async with scripted_upstream(says(start + b"7" * 1_000_000)) as upstream:
        client = make_client()
        with pytest.raises(UpstreamError, match="too large"):
            await (await client.send(get(upstream.origin))).body.read()
        await client.close()


async def test_a_response_may_be_split_anywhere(make_client):
    whole = b"HTTP/1.1 200 OK\r\nContent-Type: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"

    async def script(wire: Wire) -> None:
        for cut in range(1, len(whole)):
            await wire.hear_head()
            await wire.saying(whole[:cut])
            await asyncio.sleep(0.001)
            await wire.saying(whole[cut:])

    async with scripted_upstream(script) as upstream:
        client = make_client()
        for _ in range(1, len(whole)):
            response = await client.send(get(upstream.origin))
            assert response.headers.raw[0] == (b"content-type", b"a")
            assert await response.body.read() == b"abc"
        assert len(upstream.connections) == 1
        await client.close()


async def test_a_body_that_ends_early_raises_for_its_reader(make_client):
    async def script(wire: Wire) -> None:
        await wire.hear_head()
        await wire.saying(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")

    async with scripted_upstream(script) as upstream:
        client = make_client()
        response = await client.send(get(upstream.origin))
        with pytest.raises(UpstreamError):
            await response.body.read()
        await client.close()


async def test_a_reader_that_takes_its_time_slows_the_upstream_down(make_client):
    total = 32 * 1024 * 1024
    sent = 0

    async def script(wire: Wire) -> None:
        nonlocal sent
        await wire.hear_head()
        wire.say(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % total)
        while sent < total:
            await wire.saying(b"x" * 65536)
            sent += 65536
        await wire.closed()

    async with scripted_upstream(script) as upstream:
        client = make_client()
        response = await client.send(get(upstream.origin))
        before = -1
        while sent != before:
            before = sent
            await asyncio.sleep(0.2)
        assert sent < total / 2
        size = 0
        async for chunk in response.body:
            size += len(chunk)
        assert size == total
        await client.close()


async def test_a_body_that_nobody_wants_ends_the_connection(make_client):
    ended = asyncio.Event()

    async def script(wire: Wire) -> None:
        await wire.hear_head()
        await wire.saying(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
        await wire.closed()
        ended.set()

    async with scripted_upstream(script) as upstream:
        client = make_client()
        response = await client.send(get(upstream.origin))
        response.body.abandon()
        await asyncio.wait_for(ended.wait(), 1)
        await client.close()


async def test_reading_more_than_the_limit_is_refused(make_client):
    async with scripted_upstream(answering) as upstream:
        client = make_client()
        response = await client.send(get(upstream.origin))
        with pytest.raises(Exception, match="allowed"):
            await response.body.read(limit=1)
        await client.close()


async def test_cancelling_a_request_ends_its_connection(make_client):
    ended = asyncio.Event()

    async def script(wire: Wire) -> None:
        await wire.hear_head()
        await wire.closed()
        ended.set()

    async with scripted_upstream(script) as upstream:
        client = make_client()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await client.send(get(upstream.origin))
        await asyncio.wait_for(ended.wait(), 1)
        await client.close()


async def test_connect_gives_a_raw_stream(make_client):
    async def script(wire: Wire) -> None:
        await wire.hear_head()
        await wire.saying(b"HTTP/1.1 200 OK\r\n\r\nhello")
        assert await wire.hear(3) == b"you"
        await wire.saying(b"bye")

    async with scripted_upstream(script) as upstream:
        client = make_client()
        request = OutgoingRequest("CONNECT", "db:5432", upstream.origin, Headers(), upgrade="connect")
        response = await client.send(request)
        assert response.upgrade is not None
        assert await response.upgrade.read() == b"hello"
        response.upgrade.write(b"you")
        assert await response.upgrade.read() == b"bye"
        assert await response.upgrade.read() == b""
        response.upgrade.close()
        await client.close()


async def test_connect_that_is_refused_is_an_ordinary_answer(make_client):
    async def script(wire: Wire) -> None:
        await wire.hear_head()
        await wire.saying(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
        await wire.hear_head()

    async with scripted_upstream(script) as upstream:
        client = make_client()
        response = await client.send(OutgoingRequest("CONNECT", "db:1", upstream.origin, Headers(), upgrade="connect"))
        assert (response.status, response.upgrade) == (403, None)
        assert await response.body.read() == b"no"
        await client.close()


# -- reused connections


async def closing_after_each(wire: Wire) -> None:
    await wire.hear_head()
    await wire.saying(ANSWER)


async def test_a_connection_that_was_closed_while_idle_is_not_used_again(make_client):
    async with scripted_upstream(closing_after_each) as upstream:
        client = make_client()
        for _ in range(3):
            response = await client.send(OutgoingRequest("POST", "/", upstream.origin, Headers(), b"x"))
            assert await response.body.read() == b"ok"
            await asyncio.sleep(0.02)
        assert len(upstream.connections) == 3
        await client.close()


async def closing_on_the_second_request(wire: Wire) -> None:
    await wire.hear_head()
    await wire.saying(ANSWER)
    await wire.hear_head()  # and goes away without a byte of an answer


async def test_a_get_on_a_connection_that_just_went_stale_is_sent_again(make_client):
    async with scripted_upstream(closing_on_the_second_request) as upstream:
        client = make_client()
        for _ in range(4):
            response = await client.send(get(upstream.origin))
            assert await response.body.read() == b"ok"
        assert len(upstream.connections) == 4
        await client.close()


@pytest.mark.parametrize(("method", "body"), [("POST", b""), ("POST", b"x"), ("PATCH", b"x"), ("PUT", b"x")])
async def test_what_may_have_been_done_already_is_not_sent_again(make_client, method, body):
    async with scripted_upstream(closing_on_the_second_request) as upstream:
        client = make_client()
        await (await client.send(get(upstream.origin))).body.read()
        with pytest.raises(UpstreamError):
            await client.send(OutgoingRequest(method, "/", upstream.origin, Headers(), body))
        assert len(upstream.connections) == 1
        await client.close()


async def test_a_get_on_a_new_connection_is_not_sent_again(make_client):
    async with scripted_upstream(lambda wire: wire.hear_head()) as upstream:
        client = make_client()
        with pytest.raises(UpstreamError):
            await client.send(get(upstream.origin))
        assert len(upstream.connections) == 1
        await client.close()


async def test_a_get_is_not_sent_again_after_a_byte_of_the_answer(make_client):
    async def script(wire: Wire) -> None:
        await wire.hear_head()
        await wire.saying(ANSWER)
        await wire.hear_head()
        await wire.saying(b"H")

    async with scripted_upstream(script) as upstream:
        client = make_client()
        await (await client.send(get(upstream.origin))).body.read()
        with pytest.raises(UpstreamError):
            await client.send(get(upstream.origin))
        assert len(upstream.connections) == 1
        await client.close()


async def test_an_idle_connection_is_closed_after_its_time(make_client):
    ended = asyncio.Event()

    async def script(wire: Wire) -> None:
        await wire.hear_head()
        await wire.saying(ANSWER)
        await wire.closed()
        ended.set()

    async with scripted_upstream(script) as upstream:
        client = make_client(idle_seconds=0.1)
        await (await client.send(get(upstream.origin))).body.read()
        await asyncio.wait_for(ended.wait(), 2)
        await client.close()


# -- the pool


@pytest.mark.parametrize(("cautious", "uses"), [(False, [0, 0, 3]), (True, [1, 1, 1])])
async def test_cautious_connections_are_used_in_turn_and_soon_closed(make_client, cautious, uses):
    counts: list[int] = []

    async def script(wire: Wire) -> None:
        mine = len(counts)
        counts.append(0)
        while True:
            await wire.hear_head()
            counts[mine] += 1
            await wire.saying(ANSWER)

    async with scripted_upstream(script) as upstream:
        client = make_client()
        origin = Origin("http", upstream.host, upstream.port, cautious=cautious)
        for response in await asyncio.gather(*(client.send(get(origin)) for _ in range(3))):
            await response.body.read()
        for _ in range(3):
            await (await client.send(get(origin))).body.read()
        assert sorted(count - 1 for count in counts) == uses
        for pool in client._pools.values():
            pool.close_idle(asyncio.get_running_loop().time() + 6)
        assert client.connection_counts()[1] == (0 if cautious else 3)
        await client.close()


async def test_requests_beyond_the_limit_wait_for_a_connection(make_client):
    most = busy = 0

    async def script(wire: Wire) -> None:
        nonlocal most, busy
        while True:
            await wire.hear_head()
            busy += 1
            most = max(most, busy)
            await asyncio.sleep(0.01)
            busy -= 1
            await wire.saying(ANSWER)

    async with scripted_upstream(script) as upstream:
        client = make_client(connections_per_origin=3)
        responses = await asyncio.gather(*(client.send(get(upstream.origin)) for _ in range(30)))
        assert [await response.body.read() for response in responses] == [b"ok"] * 30
        assert most == 3
        assert len(upstream.connections) == 3
        await client.close()


async def test_waiting_for_a_connection_has_an_end(make_client):
    async with scripted_upstream(lambda wire: wire.closed()) as upstream:
        client = make_client(connections_per_origin=1)
        hanging = asyncio.create_task(client.send(get(upstream.origin)))
        await asyncio.sleep(0.05)
        with pytest.raises(UpstreamTimeout, match="busy"):
            await client.send(get(upstream.origin, timeouts=Timeouts(pool=0.1)))
        hanging.cancel()
        with pytest.raises(asyncio.CancelledError):
            await hanging
        await client.close()


async def test_one_who_waits_gets_the_room_of_a_connection_that_died(make_client):
    async def script(wire: Wire) -> None:
        if b"/die" not in await wire.hear_head():
            await wire.saying(ANSWER)
            await wire.closed()
        await asyncio.sleep(0.05)

    async with scripted_upstream(script) as upstream:
        client = make_client(connections_per_origin=1)
        dying = asyncio.create_task(client.send(get(upstream.origin, "/die")))
        await asyncio.sleep(0.02)
        response = await client.send(get(upstream.origin))
        assert await response.body.read() == b"ok"
        with pytest.raises(UpstreamError):
            await dying
        await client.close()


async def test_waiting_requests_that_are_cancelled_lose_no_connection(make_client):
    release = asyncio.Event()

    async def script(wire: Wire) -> None:
        while True:
            await wire.hear_head()
            await release.wait()
            await wire.saying(ANSWER)

    async with scripted_upstream(script) as upstream:
        client = make_client(connections_per_origin=1)
        first = asyncio.create_task(client.send(get(upstream.origin)))
        await asyncio.sleep(0.02)
        waiting = [asyncio.create_task(client.send(get(upstream.origin))) for _ in range(5)]
        await asyncio.sleep(0.02)
        for task in waiting[:4]:
            task.cancel()
        release.set()
        await (await first).body.read()
        assert await (await asyncio.wait_for(waiting[4], 2)).body.read() == b"ok"
        await asyncio.gather(*waiting, return_exceptions=True)
        assert len(upstream.connections) == 1
        await client.close()


async def test_origins_that_differ_share_no_connection(make_client):
    async with scripted_upstream(answering) as upstream:
        client = make_client()
        origins = [
            Origin("http", upstream.host, upstream.port),
            Origin("http", upstream.host, upstream.port),
            Origin("http", upstream.host, upstream.port, partition="alice"),
            Origin("http", upstream.host, upstream.port, partition="bob"),
        ]
        for origin in origins:
            await (await client.send(get(origin))).body.read()
        assert len(upstream.connections) == 3
        await client.close()


async def test_a_pool_of_200_connections_costs_what_a_pool_of_2_costs(make_client):
    async with scripted_upstream(answering) as upstream:

        async def seconds_per_request(connections: int) -> float:
            client = make_client()
            # All at once, so that as many connections are open.
            for response in await asyncio.gather(*(client.send(get(upstream.origin)) for _ in range(connections))):
                await response.body.read()
            begin = time.process_time()
            for _ in range(1000):
                await (await client.send(get(upstream.origin))).body.read()
            spent = time.process_time() - begin
            await client.close()
            return spent / 1000

        await seconds_per_request(2)
        few = min(await seconds_per_request(2), await seconds_per_request(2))
        many = min(await seconds_per_request(200), await seconds_per_request(200))
        assert many < few * 2


async def test_a_host_that_does_not_exist_is_unreachable(make_client):
    client = make_client()
    with pytest.raises(UpstreamUnreachable):
        await client.send(get(Origin("http", "does-not-exist.invalid", 80)))
    await client.close()


async def test_connecting_has_an_end(make_client):
    class NeverConnects:
        label = "http://never"
        authority = b"never"
        target_prefix = b""
        cautious = False

        async def connect(self) -> UpstreamConnection:
            await asyncio.sleep(60)
            raise AssertionError

    source = NeverConnects()
    client = make_client(connections_per_origin=1)
    for _ in range(2):
        with pytest.raises(UpstreamTimeout):
            await client.send(get(source, timeouts=Timeouts(connect=0.1)))
    await client.close()


# -- TLS, and connections that were dialled in


async def test_tls_with_the_right_and_the_wrong_trust(make_client, tmp_path):
    files = certificates(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.server_certificate, files.server_key)
    trusting = ssl.create_default_context(cafile=str(files.ca))
    async with recording_upstream(ssl=context) as upstream:
        client = make_client()
        response = await client.send(get(Origin("https", "localhost", upstream.port, tls=trusting)))
        assert response.status == 200
        await response.body.read()
        with pytest.raises(UpstreamUnreachable):
            await client.send(get(Origin("https", "localhost", upstream.port, tls=ssl.create_default_context())))
        assert len(upstream.requests) == 1
        await client.close()
        await asyncio.sleep(0.05)


async def test_requests_travel_over_connections_that_the_other_side_dialled(make_client):
    """The tunnel's way: the connector dials the gateway, then serves; the gateway is the client."""

    class DialledIn:
        label = "connector"
        authority = b"virtual:80"
        target_prefix = b""
        cautious = False

        def __init__(self) -> None:
            self.arrived: asyncio.Queue[UpstreamConnection] = asyncio.Queue()
            self.closed: list[UpstreamConnection] = []

        async def connect(self) -> UpstreamConnection:
            return await self.arrived.get()

        def opened(self, connection: UpstreamConnection) -> None:
            connection.on_closed = self.closed.append
            self.arrived.put_nowait(connection)

    source = DialledIn()
    loop = asyncio.get_running_loop()
    gateway = await loop.create_server(lambda: UpstreamConnection("connector", on_open=source.opened), "127.0.0.1", 0)
    port = gateway.sockets[0].getsockname()[1]

    async def on_premise(request: Request) -> Response:
        return Response(200, None, request.target.encode() + b" " + await request.body.read())

    connector = Server(on_premise)
    await connector.dial("127.0.0.1", port)
    client = make_client()
    for number in range(3):
        response = await client.send(OutgoingRequest("POST", f"/{number}", source, Headers(), b"body"))
        assert await response.body.read() == b"/%d body" % number
    assert connector.connections == 1

    await connector.close(0.5)
    for _ in range(100):
        if source.closed:
            break
        await asyncio.sleep(0.01)
    assert len(source.closed) == 1
    with pytest.raises(UpstreamTimeout):
        await client.send(get(source, timeouts=Timeouts(connect=0.1)))
    gateway.close()
    await client.close()
