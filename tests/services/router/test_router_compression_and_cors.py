"""Compressed answers, and pages of other origins, over the wire."""

import asyncio
import zlib

import pytest

from entryway.http import Body, Headers, Response

TEXT = b"0123456789" * 500


def says(kind: bytes, body: bytes = TEXT, **headers: str):
    async def handler(_request):
        raw = [
            (b"content-type", kind),
            *((name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()),
        ]
        return Response(200, Headers(raw), body)

    return handler


async def test_text_is_compressed_for_those_who_can_read_it(world):
    browser = await world.start()
    world.backend.handler = says(b"application/json", etag='"strong"')
    answer = await browser.get("/public/x", accept_encoding="gzip")
    assert (answer.content, answer.headers["content-encoding"], answer.headers["vary"]) == (
        TEXT,
        "gzip",
        "Accept-Encoding",
    )
    assert answer.headers["etag"] == 'W/"strong"'
    plain = await browser.get("/public/x", accept_encoding="identity")
    assert (plain.content, "content-encoding" in plain.headers) == (TEXT, False)


@pytest.mark.parametrize(
    ("kind", "body", "headers"),
    [
        (b"image/png", TEXT, {}),
        (b"text/event-stream", TEXT, {}),
        (b"application/octet-stream", TEXT, {}),
        (b"text/plain", b"short", {}),
        (b"text/plain", TEXT, {"cache_control": "no-transform"}),
        (b"text/plain", TEXT, {"content_encoding": "identity"}),
    ],
)
async def test_what_is_not_worth_it_or_not_allowed_stays(world, kind, body, headers):
    browser = await world.start()
    world.backend.handler = says(kind, body, **headers)
    answer = await browser.get("/public/x", accept_encoding="gzip")
    assert answer.headers.get("content-encoding", "identity") == "identity"
    assert answer.content == body


async def test_a_compressed_stream_arrives_piece_by_piece(world):
    await world.start()
    more = asyncio.Event()

    async def streaming(_request):
        async def parts():
            yield b"first"
            await more.wait()
            yield b"second"

        return Response(200, Headers([(b"content-type", b"text/plain")]), Body.from_chunks(parts()))

    world.backend.handler = streaming
    reader, writer = await asyncio.open_connection("127.0.0.1", world.port)
    writer.write(b"GET /public/x HTTP/1.1\r\nHost: h\r\nAccept-Encoding: gzip\r\n\r\n")
    decoder = zlib.decompressobj(31)

    async def chunk() -> bytes:
        size = int(await reader.readline(), 16)
        return (await reader.readexactly(size + 2))[:-2]

    async with asyncio.timeout(5):
        await reader.readuntil(b"\r\n\r\n")
        assert decoder.decompress(await chunk()) == b"first"
        more.set()
        rest = b""
        while not decoder.eof:
            rest += decoder.decompress(await chunk())
    assert rest == b"second"
    writer.close()


async def test_a_page_of_another_origin_can_read_errors_too(world):
    rule = {"uriPattern": "^/p", "allowedOrigin": [{"host": "good.com"}]}
    browser = await world.start(cors=[rule])
    refused = await browser.request("POST", "/private/x", origin="https://good.com")
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, "https://good.com")
    evil = await browser.get("/public/x", origin="https://evil.com")
    assert (evil.status_code, evil.headers["entryway-error"]) == (403, "cors_refused")
    assert "access-control-allow-origin" not in evil.headers
    assert world.backend.requests == []


async def test_compression_can_be_switched_off(world):
    browser = await world.start(compression={"enabled": False})
    world.backend.handler = says(b"text/plain")
    answer = await browser.get("/public/x", accept_encoding="gzip")
    assert ("content-encoding" in answer.headers, "vary" in answer.headers) == (False, False)
