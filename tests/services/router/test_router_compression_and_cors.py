"""Compressed answers, and pages of other origins, over the wire."""

import asyncio
import os
import zlib
from contextlib import asynccontextmanager

import brotli
import pytest
import zstandard

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


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip", "deflate"])
async def test_text_is_compressed_for_those_who_can_read_it(world, coding):
    browser = await world.start()
    world.backend.handler = says(b"application/json", etag='"strong"')
    answer = await browser.get("/public/x", accept_encoding=coding)
    # httpx has decoded it.
    assert (answer.content, answer.headers["content-encoding"], answer.headers["vary"]) == (
        TEXT,
        coding,
        "Accept-Encoding",
    )
    assert answer.num_bytes_downloaded < len(TEXT)
    assert answer.headers["etag"] == '"strong"'
    plain = await browser.get("/public/x", accept_encoding="identity")
    assert (plain.content, "content-encoding" in plain.headers) == (TEXT, False)


@pytest.mark.parametrize(("vary", "expected"), [("accept-encoding, origin", 1), ("*", 1), ("origin", 2)])
async def test_caches_are_told_once_that_codings_differ(world, vary, expected):
    browser = await world.start()
    world.backend.handler = says(b"application/json", vary=vary)
    answer = await browser.get("/public/x", accept_encoding="br")
    assert len(answer.headers.get_list("vary")) == expected


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


DECODERS = {
    "gzip": lambda: zlib.decompressobj(31).decompress,
    "br": lambda: brotli.Decompressor().process,
    "zstd": lambda: zstandard.ZstdDecompressor().decompressobj().decompress,
}


@pytest.mark.parametrize("coding", DECODERS)
async def test_a_compressed_stream_arrives_piece_by_piece(world, coding):
    await world.start()
    more = asyncio.Event()

    async def streaming(_request):
        async def parts():
            yield b"first"
            await more.wait()
            yield b"second"

        return Response(200, Headers([(b"content-type", b"text/plain")]), Body.from_chunks(parts()))

    world.backend.handler = streaming
    decode = DECODERS[coding]()
    async with streamed(world, coding) as (head, chunk):
        assert f"content-encoding: {coding}".encode() in head.lower()
        text = b""
        while text != b"first":
            text += decode(await chunk())
        more.set()
        while text != b"firstsecond":
            text += decode(await chunk())
        while await chunk():
            pass


async def test_events_arrive_one_by_one_and_as_they_are(world):
    await world.start()
    more = asyncio.Event()

    async def events(_request):
        async def parts():
            yield b"data: 1\n\n"
            await more.wait()
            yield b"data: 2\n\n"

        return Response(200, Headers([(b"content-type", b"text/event-stream")]), Body.from_chunks(parts()))

    world.backend.handler = events
    async with streamed(world, "br, gzip") as (head, chunk):
        assert b"content-encoding" not in head.lower()
        assert await chunk() == b"data: 1\n\n"
        more.set()
        assert await chunk() == b"data: 2\n\n"


@asynccontextmanager
async def streamed(world, accepted):
    """Ask for a stream; yield its head, and what reads one chunk of it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", world.port)
    writer.write(f"GET /public/x HTTP/1.1\r\nHost: h\r\nAccept-Encoding: {accepted}\r\n\r\n".encode())

    async def chunk() -> bytes:
        size = int(await reader.readline(), 16)
        return (await reader.readexactly(size + 2))[:-2]

    try:
        async with asyncio.timeout(5):
            yield await reader.readuntil(b"\r\n\r\n"), chunk
    finally:
        writer.close()


@pytest.fixture
async def built(world):
    """An application whose build has compressed its files."""
    web = world.folder / "web"
    web.mkdir()
    (web / "app.js").write_bytes(TEXT)
    (web / "app.js.br").write_bytes(brotli.compress(TEXT))
    (web / "app.js.gz").write_bytes(b"gzip bytes")
    return web


FILES = {"source": "^/(.*)$", "target": "$1", "localDir": "web", "authenticationType": "none"}


async def test_a_file_that_was_compressed_before_is_sent_so(world, built):
    browser = await world.start(FILES)
    answer = await browser.get("/app.js", accept_encoding="gzip, br")
    assert (answer.content, answer.headers["content-encoding"]) == (TEXT, "br")
    assert int(answer.headers["content-length"]) == (built / "app.js.br").stat().st_size
    assert answer.headers["content-type"] == "application/javascript; charset=UTF-8"
    assert answer.headers.get_list("vary") == ["Accept-Encoding"]
    again = await browser.get("/app.js", accept_encoding="gzip, br", if_none_match=answer.headers["etag"])
    assert again.status_code == 304
    plain = await browser.get("/app.js", accept_encoding="identity")
    assert (plain.content, plain.headers.get_list("vary")) == (TEXT, ["Accept-Encoding"])
    assert plain.headers["etag"] != answer.headers["etag"]


async def test_a_part_of_a_compressed_file_is_a_part_of_its_bytes(world, built):
    browser = await world.start(FILES)
    wanted = {"accept-encoding": "gzip;q=0.1", "range": "bytes=0-3"}
    async with browser.http.stream("GET", f"{browser.origin}/app.js", headers=wanted) as part:
        assert (part.status_code, part.headers["content-range"]) == (206, "bytes 0-3/10")
        assert b"".join([piece async for piece in part.aiter_raw()]) == b"gzip"


async def test_a_compressed_file_that_is_older_than_the_file_is_not_believed(world, built):
    (built / "app.js.br").write_bytes(brotli.compress(b"of another version"))
    os.utime(built / "app.js.br", (1, 1))
    browser = await world.start(FILES)
    assert (await browser.get("/app.js", accept_encoding="br")).content == TEXT


async def test_a_file_that_changed_since_it_was_compressed_is_sent_anew(world, built):
    browser = await world.start(FILES)
    assert (await browser.get("/app.js", accept_encoding="br")).content == TEXT
    (built / "app.js").write_bytes(b"changed")
    later = (built / "app.js.br").stat().st_mtime + 10
    os.utime(built / "app.js", (later, later))
    assert (await browser.get("/app.js", accept_encoding="br")).content == b"changed"


async def test_a_compressed_file_that_leads_out_of_the_folder_is_not_sent(world, built):
    (world.folder / "outside").write_bytes(brotli.compress(b"secret"))
    (built / "app.js.br").unlink()
    (built / "app.js.br").symlink_to(world.folder / "outside")
    browser = await world.start(FILES)
    assert (await browser.get("/app.js", accept_encoding="br")).content == TEXT


async def test_without_compression_files_are_sent_as_they_are(world, built):
    browser = await world.start(FILES, compression={"enabled": False})
    answer = await browser.get("/app.js", accept_encoding="br, gzip")
    assert (answer.content, "content-encoding" in answer.headers) == (TEXT, False)


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
