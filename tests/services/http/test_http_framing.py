"""What a server makes of the bytes of a request, and how it frames an answer."""

from __future__ import annotations

import asyncio

import pytest

from entryway.http import Body, Headers, Limits, Request, Response

OK = b"HTTP/1.1 200 OK\r\n"


async def echo(request: Request) -> Response:
    body = await request.body.read()
    said = f"{request.method} {request.target} ".encode() + body
    return Response(200, Headers([(b"x-kind", b"echo")]), said)


async def test_a_request_is_answered_and_the_connection_kept(serve):
    place = await serve(echo)
    wire = await place.dial()

    for _ in range(3):
        await wire.saying(b"GET /a?b=c HTTP/1.1\r\nHost: x\r\n\r\n")
        head = await wire.hear_head()
        assert head.startswith(OK)
        assert b"content-length: 11\r\n" in head
        assert b"\r\ndate: " in head
        assert b"\r\nconnection: keep-alive\r\n" in head
        assert await wire.hear(11) == b"GET /a?b=c "


async def test_pipelined_requests_are_answered_in_order(serve):
    place = await serve(echo)
    wire = await place.dial()

    await wire.saying(b"".join(b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n" % number for number in range(500)))

    for number in range(500):
        await wire.hear_head()
        expected = b"GET /%d " % number
        assert await wire.hear(len(expected)) == expected


async def test_a_client_that_reads_no_answers_is_given_no_more(serve):
    begun: list[str] = []
    page = bytes(64 * 1024)

    async def handle(request: Request) -> Response:
        begun.append(request.target)
        return Response(200, Headers(), page)

    place = await serve(handle)
    wire = await place.dial()
    wire.reader._transport.pause_reading()  # a StreamReader would take 64 KiB on its own
    await wire.saying(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 1000)
    before = -1
    while len(begun) != before:
        before = len(begun)
        await asyncio.sleep(0.05)
    # What the kernel takes of it is some megabytes.
    assert 0 < before < 300

    wire.reader._transport.resume_reading()
    for _ in range(1000):
        await wire.hear_head()
        await wire.hear(len(page))
    assert len(begun) == 1000


async def test_pipelined_requests_with_bodies_are_answered_in_order(serve):
    place = await serve(echo)
    wire = await place.dial()

    await wire.saying(
        b"POST /1 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
        b"POST /2 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n1\r\nf\r\n0\r\n\r\n"
        b"GET /3 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    )

    answers = await wire.hear_all()
    assert [part[:12] for part in (answers.split(b"\r\n\r\n")[1:])] == [
        b"POST /1 abcH",
        b"POST /2 defH",
        b"GET /3 ",
    ]


async def test_a_request_that_comes_byte_by_byte_is_understood(serve):
    place = await serve(echo)
    wire = await place.dial()

    for byte in b"POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nok":
        await wire.saying(bytes([byte]))

    assert (await wire.hear_head()).startswith(OK)
    assert await wire.hear(13) == b"POST /slow ok"


async def test_a_chunked_body_with_trailers_is_read(serve):
    seen = []

    async def handle(request: Request) -> Response:
        body = await request.body.read()
        seen.append((body, request.body.trailers))
        return Response(200, None, b"")

    place = await serve(handle)
    await place.ask(
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\nConnection: close\r\n\r\n"
        b"5;name=value\r\nhello\r\n6\r\n world\r\n0\r\nX-Sum: 42\r\n\r\n",
    )

    assert seen == [(b"hello world", Headers([(b"x-sum", b"42")]))]


@pytest.mark.parametrize(
    "rest",
    [b"0\r\n" + b"a: b\r\n" * 101 + b"\r\n", b"0\r\na: " + b"b" * 60_000, b"1;" + b"x" * 60_000],
    ids=["many trailers", "a long trailer", "a long extension"],
)
async def test_what_goes_around_a_body_has_the_limits_of_a_head(serve, rest):
    place = await serve(echo)
    start = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n"
    assert (await place.ask(start + rest)).startswith(b"HTTP/1.1 431 ")


async def test_a_body_of_unknown_length_is_sent_in_chunks_with_trailers(serve):
    async def handle(_request: Request) -> Response:
        async def chunks():
            yield b"one"
            yield b""
            yield b"two"

        return Response(200, None, Body.from_chunks(chunks()))

    place = await serve(handle)
    answer = await place.ask(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")

    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"transfer-encoding: chunked" in head
    assert body == b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"


async def test_an_http_1_0_client_gets_the_body_until_close(serve):
    async def handle(_request: Request) -> Response:
        async def chunks():
            yield b"one"
            yield b"two"

        return Response(200, None, Body.from_chunks(chunks()))

    place = await serve(handle)
    head, _, body = (await place.ask(b"GET / HTTP/1.0\r\n\r\n")).partition(b"\r\n\r\n")

    assert b"transfer-encoding" not in head
    assert b"connection: close" in head
    assert body == b"onetwo"


async def test_an_http_1_0_client_may_ask_to_keep_the_connection(serve):
    place = await serve(echo)
    wire = await place.dial()

    for _ in range(2):
        await wire.saying(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        assert b"\r\nconnection: keep-alive\r\n" in await wire.hear_head()
        await wire.hear(6)


async def test_head_gets_the_length_and_no_body(serve):
    place = await serve(echo)
    wire = await place.dial()

    await wire.saying(b"HEAD /x HTTP/1.1\r\nHost: x\r\n\r\nGET /y HTTP/1.1\r\nHost: x\r\n\r\n")

    assert b"content-length: 8\r\n" in await wire.hear_head()
    assert (await wire.hear_head()).startswith(OK)  # and not a body in between
    assert await wire.hear(7) == b"GET /y "


@pytest.mark.parametrize("status", [204, 304])
async def test_an_answer_without_a_body_has_no_length(serve, status):
    async def handle(_request: Request) -> Response:
        return Response(status, None, b"" if status == 304 else b"ignored")

    place = await serve(handle)
    answer = await place.ask(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert b"content-length" not in answer
    assert answer.endswith(b"\r\n\r\n")


async def test_framing_fields_of_a_handler_are_not_copied(serve):
    async def handle(_request: Request) -> Response:
        headers = Headers(
            [
                (b"content-length", b"99"),
                (b"transfer-encoding", b"chunked"),
                (b"connection", b"x-kind"),
                (b"x-kind", b"kept"),
                (b"trailer", b"content-length, , ;"),
            ],
        )
        return Response(200, headers, b"four")

    place = await serve(handle)
    answer = await place.ask(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")

    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.count(b"content-length") == 2  # the one that counts, and the Trailer field's word
    assert b"\r\ncontent-length: 4" in head
    assert b"transfer-encoding" not in head
    assert b"\r\nx-kind: kept" in head
    assert body == b"four"


async def test_expect_continue_is_answered_when_the_body_is_wanted(serve):
    place = await serve(echo)
    wire = await place.dial()

    await wire.saying(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
    assert await wire.hear_head() == b"HTTP/1.1 100 Continue\r\n\r\n"
    await wire.saying(b"hi")

    assert (await wire.hear_head()).startswith(OK)
    assert await wire.hear(9) == b"POST / hi"


async def test_expect_continue_is_answered_to_a_client_that_did_not_wait(serve):
    place = await serve(echo)
    wire = await place.dial()

    await wire.saying(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\nhi")

    assert await wire.hear_head() == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert (await wire.hear_head()).startswith(OK)
    assert await wire.hear(9) == b"POST / hi"


async def test_expect_continue_is_not_answered_when_the_body_is_refused(serve):
    async def refuse(_request: Request) -> Response:
        return Response(403, None, b"no")

    place = await serve(refuse)
    wire = await place.dial()
    await wire.saying(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")

    answer = await wire.hear_all()
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert b"connection: close" in answer


async def test_targets_of_every_form_reach_the_handler(serve):
    seen = []

    async def handle(request: Request) -> Response:
        seen.append((request.method, request.target, request.upgrade))
        return Response(405)

    place = await serve(handle)
    await place.ask(
        b"GET http://other:8080/p?q HTTP/1.1\r\nHost: other:8080\r\n\r\n"
        b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n"
        b"CONNECT erp:44300 HTTP/1.1\r\nHost: erp:44300\r\nConnection: close\r\n\r\n",
    )

    assert seen == [
        ("GET", "http://other:8080/p?q", None),
        ("OPTIONS", "*", None),
        ("CONNECT", "erp:44300", "connect"),
    ]


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\nabc", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x3\r\n\r\nabc", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\nabc", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"GET / HTTP/1.1\nHost: a\n\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\rX: y\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: a\x1bb\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: a\x7fb\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX Y: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n", 400),
        (b"GET /\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET http://u:p@a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"CONNECT /a HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET /\r\n\r\n", 505),
        (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        (b"get / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"BREW / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"DESCRIBE / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3 \r\nabc\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n-3\r\nabc\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nabc\r\n0\r\n\r\n", 400),
    ],
)
async def test_ambiguous_and_malformed_requests_are_refused_and_the_connection_closed(serve, request_bytes, status):
    handled = []

    async def handle(request: Request) -> Response:
        await request.body.read()
        handled.append(request)
        return Response(200)

    place = await serve(handle)
    answer = await place.ask(request_bytes + b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert answer.count(b"HTTP/1.1") == 1
    assert b"\r\nconnection: close\r\n" in answer
    assert b"\r\nentryway-error: " in answer
    assert handled == []


async def test_a_good_request_before_a_bad_one_is_still_answered(serve):
    place = await serve(echo)
    answer = await place.ask(b"GET /good HTTP/1.1\r\nHost: x\r\n\r\nGET /bad HTTP/1.1\r\nHost : x\r\n\r\n")

    assert answer.startswith(OK)
    assert b"GET /good HTTP/1.1 400 Bad Request" in answer


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        (b"GET /" + b"a" * 200_000, 414),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 17_000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 200_000, 431),
        (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"a: b\r\n" * 101 + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"a: b\r\n" * 20_000, 431),
    ],
)
async def test_heads_beyond_the_limits_are_refused(serve, request_bytes, status):
    place = await serve(echo)
    answer = await place.ask(request_bytes)

    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert b"connection: close" in answer


async def test_a_head_just_within_the_limits_is_accepted(serve):
    place = await serve(echo, Limits(header_bytes=64_000))
    answer = await place.ask(
        b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX: " + b"a" * 60_000 + b"\r\n" + b"a: b\r\n" * 90 + b"\r\n",
    )

    assert answer.startswith(OK)


async def test_a_body_that_declares_too_much_is_refused_before_it_comes(serve):
    place = await serve(echo, Limits(body_bytes=10))
    answer = await place.ask(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 413 ")


async def test_a_chunked_body_that_grows_too_long_is_refused(serve):
    place = await serve(echo, Limits(body_bytes=10))
    answer = await place.ask(
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nabcdef\r\n6\r\nabcdef\r\n0\r\n\r\n",
    )

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert answer.count(b"HTTP/1.1") == 1


async def test_a_body_within_the_limit_is_accepted(serve):
    place = await serve(echo, Limits(body_bytes=10))
    answer = await place.ask(
        b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"a\r\nabcdefghij\r\n0\r\n\r\n",
    )

    assert answer.endswith(b"POST / abcdefghij")


async def test_an_unread_short_body_is_skipped_and_the_connection_kept(serve):
    async def ignore(request: Request) -> Response:
        return Response(200, None, request.target.encode())

    place = await serve(ignore)
    wire = await place.dial()
    await wire.saying(b"POST /1 HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n")
    assert b"connection: close" not in await wire.hear_head()
    assert await wire.hear(2) == b"/1"

    await wire.saying(b"helloGET /2 HTTP/1.1\r\nHost: x\r\n\r\n")
    await wire.hear_head()
    assert await wire.hear(2) == b"/2"


async def test_an_unread_long_body_ends_the_connection_but_not_before_the_answer_is_read(serve):
    async def ignore(_request: Request) -> Response:
        return Response(403, None, b"no" * 1000)

    place = await serve(ignore)
    wire = await place.dial()
    await wire.saying(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n" + b"x" * 300_000)

    answer = await wire.hear_all()
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert b"connection: close" in answer
    assert answer.endswith(b"nono")


async def test_a_request_to_upgrade_that_has_a_body_is_an_ordinary_request(serve):
    place = await serve(echo)
    answer = await place.ask(
        b"POST / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 5\r\n\r\nhello"
        b"POST / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"3\r\nabc\r\n0\r\n\r\n"
        b"GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    )

    assert answer.count(OK) == 3
    assert b"POST / helloHTTP" in answer
    assert b"POST / abcHTTP" in answer
    assert answer.endswith(b"GET /last ")


async def test_a_declined_upgrade_leaves_the_connection_usable(serve):
    place = await serve(echo)
    wire = await place.dial()
    await wire.saying(
        b"GET /1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n",
    )
    await wire.hear_head()
    assert await wire.hear(7) == b"GET /1 "
    await wire.hear_head()
    assert await wire.hear(7) == b"GET /2 "

    await wire.saying(b"GET /3 HTTP/1.1\r\nHost: x\r\n\r\n")
    await wire.hear_head()
    assert await wire.hear(7) == b"GET /3 "


async def test_a_body_that_is_not_as_long_as_declared_cuts_the_connection_off(serve):
    for produced in (b"short", b"much too long"):

        async def handle(_request: Request, produced: bytes = produced) -> Response:
            async def chunks():
                yield produced

            return Response(200, None, Body.from_chunks(chunks(), length=10))

        place = await serve(handle)
        with pytest.raises(ConnectionResetError):
            await place.ask(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")


async def test_a_long_pipeline_whose_last_request_has_its_body_still_to_come(serve):
    place = await serve(echo)
    for before in range(10, 20):
        wire = await place.dial()
        body = b"x" * 40_000
        await wire.saying(
            b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n" * before
            + b"POST /b HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 40000\r\n\r\n"
            + body[:17_000],
        )
        await wire.saying(body[17_000:])
        answers = await wire.hear_all()
        assert answers.count(b"GET /a ") == before
        assert answers.endswith(b"POST /b " + body)


async def test_a_pipeline_that_ends_in_a_declined_upgrade(serve):
    place = await serve(echo)
    for before in range(13, 19):
        answers = await place.ask(
            b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n" * before
            + b"GET /b HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
            + b"GET /c HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        )
        assert answers.count(b"GET /a ") == before
        assert answers.count(b"GET /b ") == 1
        assert answers.endswith(b"GET /c ")


async def test_the_authority_of_the_target_counts_more_than_host(serve):
    async def handle(request: Request) -> Response:
        return Response(200, None, f"[{request.authority}]".encode())

    place = await serve(handle)
    answers = await place.ask(
        b"GET / HTTP/1.1\r\nHost: a:1\r\n\r\n"
        b"GET http://b:2/x HTTP/1.1\r\nHost: a:1\r\n\r\n"
        b"GET http://c?x HTTP/1.1\r\nHost: a:1\r\n\r\n"
        b"GET / HTTP/1.0\r\n\r\n",
    )
    assert [part.partition(b"]")[0] for part in answers.split(b"[")[1:]] == [b"a:1", b"b:2", b"c", b""]
