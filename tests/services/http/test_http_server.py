"""A server's time-outs, limits, failures and end, and how handlers are driven."""

from __future__ import annotations

import asyncio
import contextvars
import socket
import ssl

import pytest
from http_certificates import certificates

from entryway.errors import NotFound
from entryway.http import Body, Headers, Limits, OutgoingRequest, RawStream, Request, Response, Server
from entryway.http.address_limit import AddressLimit
from entryway.testing.upstream import dial, scripted_upstream

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def ok(_request: Request) -> Response:
    return Response(200, None, b"ok")


# -- time-outs


async def test_a_head_that_does_not_end_is_a_408(serve):
    place = await serve(ok, Limits(header_timeout=0.2))
    answer = await place.ask(b"GET / HTTP/1.1\r\nHost: x\r\nX: ")
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in answer


async def test_a_head_that_trickles_in_is_a_408(serve):
    place = await serve(ok, Limits(header_timeout=0.4))
    wire = await place.dial()

    async def trickle() -> None:
        await wire.saying(b"GET / HTTP/1.1\r\nHost: x\r\n")
        while True:
            await wire.saying(b"a: b\r\n")
            await asyncio.sleep(0.05)

    trickling = asyncio.create_task(trickle())
    assert (await wire.hear_all(3)).startswith(b"HTTP/1.1 408 ")
    trickling.cancel()


async def test_a_connection_that_says_nothing_is_closed_silently(serve):
    place = await serve(ok, Limits(header_timeout=0.2))
    wire = await place.dial()
    assert await wire.hear_all() == b""


async def test_an_idle_connection_is_closed_silently(serve):
    place = await serve(ok, Limits(idle_timeout=0.2))
    wire = await place.dial()
    await wire.saying(GET)
    await wire.hear_until(b"ok")
    assert await wire.hear_all() == b""


async def test_a_second_head_that_does_not_end_is_a_408(serve):
    place = await serve(ok, Limits(header_timeout=0.2))
    wire = await place.dial()
    await wire.saying(GET + b"GET / HTT")
    await wire.hear_until(b"ok")
    assert (await wire.hear_all()).startswith(b"HTTP/1.1 408 ")


async def test_a_body_that_stalls_is_a_408_and_its_reader_hears_of_it(serve):
    errors = []

    async def handle(request: Request) -> Response:
        try:
            await request.body.read()
        except Exception as error:
            errors.append(type(error).__name__)
            raise
        return Response(200)

    place = await serve(handle, Limits(body_timeout=0.2))
    answer = await place.ask(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nsome")
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert answer.count(b"HTTP/1.1") == 1
    assert errors in ([], ["RequestTimedOut"])  # it was told, or it was cancelled


async def test_a_handler_that_takes_longer_than_the_total_is_a_504(serve):
    cancelled = asyncio.Event()

    async def handle(_request: Request) -> Response:
        try:
            await asyncio.sleep(60)
        finally:
            cancelled.set()
        return Response(200)

    place = await serve(handle, Limits(total_timeout=0.2))
    answer = await place.ask(GET)
    assert answer.startswith(b"HTTP/1.1 504 ")
    assert answer.count(b"HTTP/1.1") == 1
    await asyncio.wait_for(cancelled.wait(), 1)


async def test_an_answer_that_takes_longer_than_the_total_is_cut_off(serve):
    async def handle(_request: Request) -> Response:
        async def chunks():
            while True:
                yield b"x"
                await asyncio.sleep(0.05)

        return Response(200, None, Body.from_chunks(chunks()))

    place = await serve(handle, Limits(total_timeout=0.3))
    with pytest.raises(ConnectionResetError):
        await place.ask(GET)


async def test_a_client_that_does_not_read_is_cut_off(serve):
    ended = asyncio.Event()

    async def handle(_request: Request) -> Response:
        async def chunks():
            try:
                while True:
                    yield b"x" * 65536
            finally:
                ended.set()

        return Response(200, None, Body.from_chunks(chunks()))

    place = await serve(handle, Limits(write_timeout=0.3))
    sock = socket.socket()
    sock.setblocking(False)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(sock, (place.host, place.port))
    await loop.sock_sendall(sock, GET)
    await asyncio.wait_for(ended.wait(), 5)
    sock.close()


async def test_a_request_behind_a_body_that_nobody_read_gets_its_answer(serve):
    async def slow_second(request: Request) -> Response:
        if request.target == "/first":
            return Response(200, Headers([]), b"first")
        await request.body.read()
        await asyncio.sleep(0.05)
        return Response(200, Headers([]), request.target.encode())

    place = await serve(slow_second)
    wire = await place.dial()
    await wire.saying(b"PUT /first HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\n")
    await wire.hear_until(b"first")
    # The rest of the first request and all of two others come at once.
    put = b"PUT /%b HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nhello"
    await wire.saying(b"hello" + put % b"second" + put % b"third")
    await wire.hear_until(b"/second")
    await wire.hear_until(b"/third")


# -- limits on connections


async def test_one_connection_too_many_is_told_so(serve, caplog):
    asked, go_on = asyncio.Semaphore(0), asyncio.Event()

    async def when_told(_: Request) -> Response:
        asked.release()
        await go_on.wait()
        return await ok(_)

    place = await serve(when_told, Limits(connections=2))
    first, second = await place.dial(), await place.dial()
    for wire in (first, second):
        await wire.saying(GET)
        await asked.acquire()

    third = await place.dial()
    answer = await third.hear_all()
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"entryway-error: too_busy" in answer
    await (await place.dial()).hear_all()
    # Who causes it must not fill the log, too.
    assert [record.getMessage() for record in caplog.records] == ["connections_refused"]

    go_on.set()
    await first.hear_until(b"ok")
    await second.hear_until(b"ok")
    fourth = await place.dial()
    await fourth.saying(GET)
    await fourth.hear_until(b"ok")


async def test_connections_without_a_request_make_room_for_those_with_one(serve, caplog):
    place = await serve(ok, Limits(connections=3, header_timeout=5, idle_timeout=60))
    faithful = await place.dial()
    await faithful.saying(GET)
    await faithful.hear_until(b"ok")
    silent, dripping = await place.dial(), await place.dial()
    await dripping.saying(b"GET / HTTP/1.1\r\nhost: x\r\nx-")

    for gone in (silent, dripping):
        newcomer = await place.dial()
        await newcomer.saying(GET)
        await newcomer.hear_until(b"ok")
        assert await gone.hear_all() == b""
    # Who has asked before is kept longer than who never asked anything.
    await faithful.saying(GET)
    await faithful.hear_until(b"ok")
    assert not caplog.records


async def test_bodies_that_do_not_come_make_room_where_nobody_else_does(serve):
    async def read(request: Request) -> Response:
        await request.body.read()
        return await ok(request)

    place = await serve(read, Limits(connections=2))
    slow = [await place.dial(), await place.dial()]
    for wire in slow:
        await wire.saying(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nx")
        await asyncio.sleep(0.02)
    newcomer = await place.dial()
    await newcomer.saying(GET)
    await newcomer.hear_until(b"ok")
    assert await slow[0].hear_all() == b""


async def test_one_address_does_not_take_all_places(serve):
    asked, go_on = asyncio.Semaphore(0), asyncio.Event()

    async def when_told(request: Request) -> Response:
        asked.release()
        await go_on.wait()
        return await ok(request)

    place = await serve(when_told, Limits(connections=10, per_address=AddressLimit(2, private=True)))
    held = [await place.dial(), await place.dial()]
    for wire in held:
        await wire.saying(GET)
        await asked.acquire()

    assert (await (await place.dial()).hear_all()).startswith(b"HTTP/1.1 503 ")
    elsewhere = socket.create_connection((place.host, place.port), source_address=("127.0.0.2", 0))
    reader, writer = await asyncio.open_connection(sock=elsewhere)
    writer.write(GET)
    await asked.acquire()
    go_on.set()
    await reader.readuntil(b"ok")
    for wire in held:
        await wire.hear_until(b"ok")
    # One that asked before makes room for another one of its own address, and for nobody else's.
    again = await place.dial()
    await again.saying(GET)
    await again.hear_until(b"ok")
    gone = [asyncio.create_task(wire.hear_all(60)) for wire in held]
    done, left = await asyncio.wait(gone, timeout=5, return_when=asyncio.FIRST_COMPLETED)
    assert (len(done), len(left)) == (1, 1)
    for task in left:
        task.cancel()
    writer.write(GET)
    await reader.readuntil(b"ok")
    writer.close()
    await writer.wait_closed()


async def test_a_connection_ends_after_its_last_allowed_request(serve):
    place = await serve(ok, Limits(requests_per_connection=2))
    answer = await place.ask(GET * 5)
    assert answer.count(b"HTTP/1.1 200") == 2
    assert answer.count(b"connection: close") == 1


# -- failures


async def test_a_handler_that_fails_is_a_500_without_internals(serve):
    async def handle(_request: Request) -> Response:
        raise RuntimeError("the password is 123")

    place = await serve(handle)
    wire = await place.dial()
    for _ in range(2):
        await wire.saying(GET)
        head = await wire.hear_head()
        assert head.startswith(b"HTTP/1.1 500 ")
        assert b"entryway-error: internal_error" in head
        assert await wire.hear(20) == b"Something went wrong"


async def test_an_error_of_ours_has_its_status_and_code(serve):
    async def handle(_request: Request) -> Response:
        raise NotFound("table users has no such row")

    place = await serve(handle)
    answer = await place.ask(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert b"entryway-error: not_found" in answer
    assert b"table users" not in answer


async def test_errors_are_rendered_in_one_place(serve):
    seen = []

    def render(request: Request | None, error: Exception) -> Response:
        seen.append((request.target if request else None, type(error).__name__))
        return Response(418, None, b"rendered")

    async def handle(_request: Request) -> Response:
        raise KeyError("x")

    place = await serve(handle, on_error=render)
    answer = await place.ask(b"GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost : x\r\n\r\n")
    assert answer.count(b"HTTP/1.1 418 ") == 2
    assert seen == [("/a", "KeyError"), (None, "MalformedRequest")]


async def test_a_renderer_that_fails_too_is_still_a_500(serve):
    def render(_request: Request | None, error: Exception) -> Response:
        raise error

    async def handle(_request: Request) -> Response:
        raise KeyError("x")

    place = await serve(handle, on_error=render)
    assert (await place.ask(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")).startswith(b"HTTP/1.1 500 ")


@pytest.mark.parametrize(
    "response",
    [
        Response(200, Headers.trusted([(b"x", b"a\r\nset-cookie: evil=1")])),
        Response(200, Headers.trusted([(b"x\r\ny", b"a")])),
        Response(200, Headers.trusted([(b"x", b"a\0b")])),
        Response(200, Headers.trusted([(b"x", b"a\nb")])),
        Response(99),
        Response(100),
        Response(1000),
        "not a response",
        None,
    ],
)
async def test_a_response_that_cannot_be_sent_safely_is_a_500(serve, response):
    async def handle(_request: Request) -> Response:
        return response

    place = await serve(handle)
    answer = await place.ask(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 500 ")
    assert answer.count(b"HTTP/1.1") == 1
    assert b"evil" not in answer


async def test_an_upgrade_that_nobody_asked_for_is_a_500(serve):
    other, _ = socket.socketpair()

    async def handle(_request: Request) -> Response:
        loop = asyncio.get_running_loop()
        _, raw = await loop.create_connection(RawStream, sock=other)
        return Response(101, None, b"", upgrade=raw)

    place = await serve(handle)
    answer = await place.ask(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 500 ")
    _.close()


async def test_a_body_whose_producer_fails_cuts_the_client_off(serve):
    async def handle(_request: Request) -> Response:
        async def chunks():
            yield b"some"
            raise RuntimeError("disk on fire")

        return Response(200, None, Body.from_chunks(chunks()))

    place = await serve(handle)
    with pytest.raises(ConnectionResetError):
        await place.ask(GET)


async def test_a_body_that_had_failed_before_the_answer_began_still_gets_a_proper_answer(serve):
    async def handle(_request: Request) -> Response:
        body = Body(10)
        body.fail(NotFound())
        return Response(200, None, body)

    place = await serve(handle)
    answer = await place.ask(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 404 ")


# -- how handlers are driven


async def test_a_handler_may_wait_for_anything(serve):
    async def handle(_request: Request) -> Response:
        steps = []
        await asyncio.sleep(0)
        steps.append(b"slept")
        await asyncio.sleep(0.01)
        async with asyncio.timeout(1):
            await asyncio.gather(asyncio.sleep(0), asyncio.sleep(0.01))
        steps.append(b"gathered")
        try:
            async with asyncio.timeout(0.01):
                await asyncio.sleep(10)
        except TimeoutError:
            steps.append(b"timed out")
        lock = asyncio.Lock()
        async with lock:
            steps.append(await asyncio.to_thread(lambda: b"thread"))
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(asyncio.sleep(0.01, b"task"))
        steps.append(task.result())
        assert asyncio.current_task() is not None
        return Response(200, None, b",".join(steps))

    place = await serve(handle)
    wire = await place.dial()
    await wire.saying(GET * 3)
    for _ in range(3):
        await wire.hear_head()
        assert await wire.hear(36) == b"slept,gathered,timed out,thread,task"


async def test_a_timeout_around_a_call_that_has_not_suspended_before_works(serve, client):
    async with scripted_upstream(lambda wire: wire.closed()) as upstream:

        async def handle(_request: Request) -> Response:
            try:
                async with asyncio.timeout(0.1):
                    return await client.send(OutgoingRequest("GET", "/", upstream.origin, Headers()))
            except TimeoutError:
                return Response(200, None, b"in time")

        place = await serve(handle)
        wire = await place.dial()
        for _ in range(3):
            await wire.saying(GET)
            await wire.hear_until(b"in time")


async def test_what_one_request_sets_in_its_context_the_next_does_not_see(serve):
    variable = contextvars.ContextVar("variable", default="unset")

    async def handle(_request: Request) -> Response:
        before = variable.get()
        variable.set("set")
        await asyncio.sleep(0)
        return Response(200, None, f"{before}-{variable.get()}".encode())

    place = await serve(handle)
    answer = await place.ask(GET + b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert answer.count(b"unset-set") == 2


async def test_a_handler_is_cancelled_when_its_client_goes_away(serve):
    started, cancelled = asyncio.Event(), asyncio.Event()

    async def handle(_request: Request) -> Response:
        started.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.sleep(0.01)  # cleaning up may take its time
            cancelled.set()
            raise
        return Response(200)

    place = await serve(handle)
    wire = await place.dial()
    await wire.saying(GET)
    await asyncio.wait_for(started.wait(), 2)
    await wire.close()
    await asyncio.wait_for(cancelled.wait(), 2)


async def test_a_handler_that_awaits_something_cancelled_is_a_500(serve):
    async def handle(_request: Request) -> Response:
        future = asyncio.get_running_loop().create_future()
        future.cancel()
        await future
        return Response(200)

    place = await serve(handle)
    answer = await place.ask(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 500 ")


async def test_handlers_of_many_connections_run_side_by_side(serve):
    together = asyncio.Barrier(20)

    async def handle(_request: Request) -> Response:
        await together.wait()
        return Response(200, None, b"ok")

    place = await serve(handle)
    wires = [await place.dial() for _ in range(20)]
    for wire in wires:
        await wire.saying(GET)
    for wire in wires:
        await wire.hear_until(b"ok")


# -- the end


async def test_draining_lets_a_request_in_flight_finish_and_closes_the_rest():
    release = asyncio.Event()

    async def handle(_request: Request) -> Response:
        await release.wait()
        return Response(200, None, b"finished")

    server = Server(handle)
    host, port = await server.listen("127.0.0.1", 0)
    busy, idle = await dial(host, port), await dial(host, port)
    await busy.saying(GET)
    await asyncio.sleep(0.05)

    closing = asyncio.create_task(server.close(grace_seconds=5))
    assert await idle.hear_all(1) == b""
    with pytest.raises(OSError):
        await dial(host, port)
    assert not closing.done()
    release.set()
    answer = await busy.hear_all()
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"connection: close" in answer
    assert answer.endswith(b"finished")
    await asyncio.wait_for(closing, 1)
    await busy.close()
    await idle.close()


async def test_draining_cuts_off_what_takes_longer_than_the_grace():
    cancelled = asyncio.Event()

    async def handle(_request: Request) -> Response:
        try:
            await asyncio.sleep(60)
        finally:
            cancelled.set()
        return Response(200)

    server = Server(handle)
    host, port = await server.listen("127.0.0.1", 0)
    wire = await dial(host, port)
    await wire.saying(GET)
    await asyncio.sleep(0.05)
    await asyncio.wait_for(server.close(grace_seconds=0.1), 2)
    await wire.closed(1)
    await asyncio.wait_for(cancelled.wait(), 1)
    await wire.close()


async def test_several_servers_share_one_port():
    servers = [Server(ok), Server(ok)]
    host, port = await servers[0].listen("127.0.0.1", 0, reuse_port=True)
    await servers[1].listen("127.0.0.1", port, reuse_port=True)
    wires = [await dial(host, port) for _ in range(40)]
    for wire in wires:
        await wire.saying(GET)
        await wire.hear_until(b"ok")
    assert all(server.connections > 0 for server in servers)
    assert sum(server.connections for server in servers) == 40
    for wire in wires:
        await wire.close()
    for server in servers:
        await server.close(0.5)


async def test_one_server_has_several_listeners(serve):
    place = await serve(ok)
    second = await place.server.listen("127.0.0.1", 0)
    for address in ((place.host, place.port), second):
        wire = await dial(*address)
        place.wires.append(wire)
        await wire.saying(GET)
        await wire.hear_until(b"ok")


# -- TLS, and connections that we dialled


async def test_tls_tells_the_scheme_and_the_clients_certificate(tmp_path):
    files = certificates(tmp_path)
    seen = []

    async def handle(request: Request) -> Response:
        seen.append((request.scheme, request.peer.certificate))
        return Response(200, None, b"ok")

    server = Server(handle)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.server_certificate, files.server_key)
    context.load_verify_locations(files.ca)
    context.verify_mode = ssl.CERT_REQUIRED
    _, port = await server.listen("127.0.0.1", 0, ssl=context)
    ours = ssl.create_default_context(cafile=str(files.ca))
    ours.load_cert_chain(files.client_certificate, files.client_key)

    wire = await dial("localhost", port, ours)
    await wire.saying(GET)
    await wire.hear_until(b"ok")

    ((scheme, certificate),) = seen
    assert scheme == "https"
    assert certificate == ssl.PEM_cert_to_DER_cert(files.client_certificate.read_text())
    await wire.close()
    await server.close(0.5)


@pytest.mark.parametrize("encrypted", [False, True])
async def test_requests_are_served_on_a_connection_that_we_dialled(tmp_path, encrypted):
    files = certificates(tmp_path)
    arrived: asyncio.Queue = asyncio.Queue()
    server_context = client_context = None
    if encrypted:
        server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server_context.load_cert_chain(files.server_certificate, files.server_key)
        client_context = ssl.create_default_context(cafile=str(files.ca))

    async def accept(reader, writer):
        await arrived.put((reader, writer))

    acceptor = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=server_context)
    server = Server(ok)
    states = []
    await server.dial(
        "127.0.0.1",
        acceptor.sockets[0].getsockname()[1],
        ssl=client_context,
        server_hostname="localhost" if encrypted else None,
        on_state=states.append,
    )
    reader, writer = await arrived.get()
    for _ in range(2):
        writer.write(GET)
        await reader.readuntil(b"ok")
    assert states == ["busy", "idle", "busy", "idle"]

    writer.close()
    for _ in range(100):
        if states[-1] == "closed":
            break
        await asyncio.sleep(0.01)
    assert states[-1] == "closed"
    acceptor.close()
    await server.close(0.5)
