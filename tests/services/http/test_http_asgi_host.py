"""The engine as a server for ASGI applications: answers as they come, web sockets, and applications that fail."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from starlette.applications import Starlette
from starlette.responses import StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from websockets import ConnectionClosed, InvalidStatus
from websockets.asyncio.client import ClientConnection, connect
from websockets.frames import Frame, Opcode

from entryway.http.asgi_host import AsgiHost
from entryway.http.websocket_messages import LARGEST_MESSAGE

GET = b"GET %b HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
BIG = 4 * 1024 * 1024


Speak = Callable[[WebSocket, asyncio.Queue], Awaitable[None]]


async def echo(socket: WebSocket, seen: asyncio.Queue) -> None:
    await socket.accept("second" if "second" in socket.scope["subprotocols"] else None, [(b"x-mine", b"1")])
    while (message := await socket.receive())["type"] == "websocket.receive":
        if message.get("text") == "leave":
            await socket.close(4001, "asked")
            return
        if message.get("text") == "fail":
            raise RuntimeError("a secret reason")
        await socket.send({**message, "type": "websocket.send"})
    seen.put_nowait((message["code"], message["reason"]))


async def push(socket: WebSocket, seen: asyncio.Queue) -> None:
    await socket.accept()
    while True:
        await socket.send_bytes(b"x" * 65536)
        seen.put_nowait("sent")


async def hear_nothing(socket: WebSocket, seen: asyncio.Queue) -> None:
    await socket.accept()
    seen.put_nowait("open")
    await asyncio.Future()


async def refuse(socket: WebSocket, _: asyncio.Queue) -> None:
    await socket.close()


def application(seen: asyncio.Queue) -> Starlette:
    """Return an application of a kind that people have."""

    def speaking(speak: Speak) -> Callable[[WebSocket], Awaitable[None]]:
        async def endpoint(socket: WebSocket) -> None:
            await speak(socket, seen)

        return endpoint

    async def breaks(_: object) -> StreamingResponse:
        async def half() -> AsyncIterator[bytes]:
            yield b"half"
            await asyncio.sleep(0.05)  # for the half to leave
            raise RuntimeError("a secret reason")

        return StreamingResponse(half(), headers={"content-length": "100"})

    speakers = {"/echo": echo, "/pushes": push, "/deaf": hear_nothing, "/no": refuse}
    return Starlette(
        routes=[
            Route("/breaks", breaks),
            *(WebSocketRoute(path, speaking(speak)) for path, speak in speakers.items()),
        ]
    )


@pytest.fixture
def seen() -> asyncio.Queue:
    return asyncio.Queue()


@pytest.fixture
async def place(serve, seen: asyncio.Queue):
    host = AsgiHost(application(seen), ("127.0.0.1", 1))
    yield await serve(host)
    await host.close()


def opened(place, path: str, **options) -> connect:
    return connect(f"ws://127.0.0.1:{place.port}{path}", proxy=None, max_size=None, **options)


async def settled(queue: asyncio.Queue) -> int:
    """Wait until nothing comes any more, and return how much had come."""
    count = -1
    while count != queue.qsize():
        count = queue.qsize()
        await asyncio.sleep(0.1)
    return count


async def test_an_answer_comes_at_its_readers_pace_and_ends_with_it(serve, seen: asyncio.Queue) -> None:
    async def flood(scope, receive, send) -> None:
        await send({"type": "http.response.start", "status": 200})
        try:
            while True:
                await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
                seen.put_nowait("piece")
        finally:
            seen.put_nowait("over")

    wire = await (await serve(AsgiHost(flood))).dial()
    await wire.saying(GET % b"/")
    assert b"transfer-encoding: chunked\r\n" in await wire.hear_head()
    assert await settled(seen) * 65536 < 16 * 1024 * 1024
    await wire.close()
    async with asyncio.timeout(5):
        while await seen.get() != "over":
            pass


async def test_an_answer_that_breaks_off_is_not_taken_for_the_whole(place) -> None:
    wire = await place.dial()
    await wire.saying(GET % b"/breaks")
    head = await wire.hear_head()
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"content-length: 100\r\n" in head
    assert await wire.hear(4) == b"half"
    with pytest.raises(ConnectionResetError):
        await wire.hear_all()


@pytest.mark.parametrize(
    ("events", "heard"),
    [
        ([], b"HTTP/1.1 500 "),
        ([{"type": "http.response.start", "status": 200}], b"HTTP/1.1 500 "),
        ([{"type": "http.response.body", "body": b"x"}], b"HTTP/1.1 500 "),
        ([{"type": "http.response.push"}], b"HTTP/1.1 500 "),
        ([{"type": "http.response.start", "status": 204}, {"type": "http.response.body"}], b"HTTP/1.1 204 "),
    ],
)
async def test_answers_that_are_none(serve, events, heard: bytes) -> None:
    async def app(scope, receive, send) -> None:
        for event in events:
            await send(event)

    assert (await (await serve(AsgiHost(app))).ask(GET % b"/")).startswith(heard)


async def test_an_application_that_gives_up_by_cancelling_itself_is_answered_for(serve) -> None:
    async def app(scope, receive, send) -> None:
        raise asyncio.CancelledError

    assert (await (await serve(AsgiHost(app))).ask(GET % b"/")).startswith(b"HTTP/1.1 500 ")


async def test_a_head_without_its_body_says_how_long_it_would_be(serve) -> None:
    async def app(scope, receive, send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"Content-Length", b"7")]})
        await send({"type": "http.response.body", "body": b"ignored", "more_body": True})
        await send({"type": "http.response.body"})

    heard = await (await serve(AsgiHost(app))).ask(b"HEAD / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    assert b"content-length: 7\r\n" in heard
    assert heard.endswith(b"\r\n\r\n")


async def test_targets_that_are_no_path_reach_the_application(serve) -> None:
    seen = []

    async def app(scope, receive, send) -> None:
        seen.append(scope["raw_path"])
        await send({"type": "http.response.start", "status": 404, "headers": [(b"connection", b"close")]})
        await send({"type": "http.response.body"})

    place = await serve(AsgiHost(app))
    for line in (b"OPTIONS *", b"GET http://x/a?b", b"GET /a%20b?c"):
        # The application wants the connection to end.
        assert b"connection: close\r\n" in await place.ask(line + b" HTTP/1.1\r\nhost: x\r\n\r\n")
    assert seen == [b"*", b"http://x/a", b"/a%20b"]


async def test_messages_cross_whole_and_unchanged(place, seen: asyncio.Queue) -> None:
    async with opened(place, "/echo", subprotocols=["first", "second"]) as socket:
        assert (socket.subprotocol, socket.response.headers["x-mine"]) == ("second", "1")
        assert "sec-websocket-extensions" not in socket.response.headers
        big = os.urandom(BIG)
        for message in ("", "häh?", b"\x00\xff", big):
            await socket.send(message)
            assert await socket.recv() == message
        await socket.send([b"in ", b"three ", b"pieces"])
        assert await socket.recv() == b"in three pieces"
        await (await socket.ping())
        await socket.close(4005, "bye")
    assert await seen.get() == (4005, "bye")


async def closed_with(socket: ClientConnection) -> tuple[int, str]:
    with pytest.raises(ConnectionClosed) as over:
        await asyncio.wait_for(socket.recv(), 5)
    assert over.value.rcvd is not None
    return over.value.rcvd.code, over.value.rcvd.reason


@pytest.mark.parametrize(("word", "code"), [("leave", (4001, "asked")), ("fail", (1011, ""))])
async def test_the_application_ends_it(place, word: str, code: tuple[int, str]) -> None:
    async with opened(place, "/echo") as socket:
        for said in (word, "nobody", "listens", "to this"):
            await socket.send(said)
        assert await closed_with(socket) == code


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (Frame(Opcode.TEXT, b"\xff"), 1007),
        (Frame(Opcode.CONT, b"nothing before"), 1002),
        (Frame(Opcode.BINARY, b"x" * (LARGEST_MESSAGE + 1)), 1009),
    ],
)
async def test_what_is_no_message_ends_it(place, seen: asyncio.Queue, frame: Frame, code: int) -> None:
    async with opened(place, "/echo") as socket:
        socket.transport.write(frame.serialize(mask=True))
        assert (await closed_with(socket))[0] == code
    assert (await asyncio.wait_for(seen.get(), 5))[0] in (code, 1006)


async def test_who_does_not_read_holds_the_application_back(place, seen: asyncio.Queue) -> None:
    async with opened(place, "/pushes", max_queue=1) as socket:
        assert await settled(seen) * 65536 < 16 * 1024 * 1024
        socket.transport.abort()


async def test_who_does_not_listen_holds_the_client_back(place, seen: asyncio.Queue) -> None:
    async with opened(place, "/deaf") as socket:
        await seen.get()
        sent: asyncio.Queue = asyncio.Queue()

        async def talk() -> None:
            while True:
                await socket.send(b"x" * 65536)
                sent.put_nowait("sent")

        talking = asyncio.create_task(talk())
        assert await settled(sent) * 65536 < 16 * 1024 * 1024
        talking.cancel()
        socket.transport.abort()


@pytest.mark.parametrize(("path", "status"), [("/no", 403), ("/nothing", 403)])
async def test_a_refusal_ends_the_connection(place, path: str, status: int) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with opened(place, path):
            pass
    assert (refused.value.response.status_code, refused.value.response.headers["connection"]) == (status, "close")


@pytest.mark.parametrize(
    "wrong", [b"sec-websocket-key: short\r\n", b"", b"sec-websocket-key: %b\r\n" % (b"A" * 22 + b"==")]
)
async def test_a_handshake_that_is_none_is_an_ordinary_request(place, wrong: bytes) -> None:
    head = b"GET /echo HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
    head += b"%bsec-websocket-version: 8\r\n\r\n"
    wire = await place.dial()
    await wire.saying(head % wrong)
    assert (await wire.hear_head()).startswith(b"HTTP/1.1 404 ")


async def test_a_client_that_vanishes_is_told_of(place, seen: asyncio.Queue) -> None:
    async with opened(place, "/echo") as socket:
        await socket.send("x")
        await socket.recv()
        socket.transport.abort()
        assert await asyncio.wait_for(seen.get(), 5) == (1006, "")
