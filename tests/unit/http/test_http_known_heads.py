"""What is remembered of heads: only what came twice, only for a while, and only what llhttp says itself."""

from __future__ import annotations

from uuid import uuid4

import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from entryway.http import Headers, Peer, Request, Response, known_heads, known_requests, known_responses
from entryway.http.body import EMPTY
from entryway.http.known_heads import REQUESTS, RESPONSES, HeadMemory, KnownHead


class Parsed:
    """What llhttp makes of a head."""

    def __init__(self, kind, data):
        self.headers = []
        self.target = b""
        self.complete = False
        parser = kind(self)
        parser.feed_data(data)
        self.method = parser.get_method() if kind is httptools.HttpRequestParser else None
        self.status = parser.get_status_code() if kind is httptools.HttpResponseParser else None
        self.version, self.keep_alive = parser.get_http_version(), parser.should_keep_alive()

    def on_url(self, url):
        self.target += url

    def on_header(self, name, value):
        self.headers.append((name.lower(), value))

    def on_message_complete(self):
        self.complete = True


TARGETS = st.text(st.characters(min_codepoint=1, max_codepoint=255), max_size=12).map(
    lambda text: text.encode("latin-1")
)
LINES = st.one_of(
    TARGETS.map(lambda target: b"GET /" + target + b" HTTP/1.1\r\n"),
    st.tuples(
        st.sampled_from([b"GET", b"HEAD", b"POST", b"get"]), TARGETS, st.sampled_from([b"1.1", b"1.0", b"2.0"])
    ).map(lambda parts: b"%b %b HTTP/%b\r\n" % parts),
    st.binary(max_size=20),
)


@given(LINES)
def test_a_line_that_is_read_without_llhttp_means_to_llhttp_the_same(line):
    read = known_requests.read_line(line)
    if read is not None:
        parsed = Parsed(httptools.HttpRequestParser, line + b"host: a\r\n\r\n")
        assert (read.method.encode(), read.target.encode()) == (parsed.method, parsed.target)
        assert (parsed.version, parsed.keep_alive, parsed.complete) == ("1.1", True, True)


@pytest.mark.parametrize(
    "line",
    [
        b"POST / HTTP/1.1\r\n",
        b"GET / HTTP/1.0\r\n",
        b"GET http://a/ HTTP/1.1\r\n",
        b"GET  / HTTP/1.1\r\n",
        b"GET /#a HTTP/1.1\r\n",
        b"GET / HTTP/1.1\n",
        b"\r\nGET / HTTP/1.1\r\n",
        b"GET / HTTP/1.1\r\nGET / HTTP/1.1\r\n",
        b"GET /\x80 HTTP/1.1\r\n",
    ],
)
def test_other_lines_are_left_to_llhttp(line):
    assert known_requests.read_line(line) is None


def asked(
    data: bytes, pairs: list[tuple[bytes, bytes]], *, upgrade: str | None = None, keep_alive: bool = True
) -> Request:
    headers = Headers.trusted(pairs)
    return Request("GET", "/", headers, EMPTY, Peer("a", 1), upgrade=upgrade, keep_alive=keep_alive)


def learned(pairs: list[tuple[bytes, bytes]], more: bytes = b"", **how: object) -> KnownHead | None:
    """Return what is known of a request's header block that came three times."""
    pairs = [*pairs, (b"x-once", uuid4().hex.encode())]
    block = b"".join(b"%b: %b\r\n" % pair for pair in pairs) + b"\r\n"
    line = b"GET / HTTP/1.1\r\n"
    for _ in range(3):
        known_requests.learn(line + block + more, len(line), asked(line + block, pairs, **how))  # type: ignore[arg-type]
    return REQUESTS.find(block + more)


def test_a_block_that_comes_again_is_known():
    known = learned([(b"host", b"a"), (b"accept", b"1"), (b"accept", b"2"), (b"connection", b"Keep-Alive")])
    assert known is not None
    assert known.first[b"accept"] == b"1"
    assert [name for name, _ in known.headers] == [b"host", b"accept", b"accept", b"connection", b"x-once"]


@pytest.mark.parametrize(
    "header",
    [
        (b"content-length", b"0"),
        (b"transfer-encoding", b"chunked"),
        (b"expect", b"100-continue"),
        (b"upgrade", b"h2c"),
        (b"connection", b"close"),
        (b"connection", b"keep-alive, x-once"),
        (b"trailer", b"x"),
        (b"te", b"trailers"),
    ],
)
def test_a_block_that_frames_or_ends_something_is_not_remembered(header):
    assert learned([(b"host", b"a"), header]) is None


def test_only_a_request_that_came_whole_and_alone_is_remembered():
    assert learned([(b"host", b"a")], more=b"GET / HTTP/1.1\r\n") is None
    assert learned([(b"host", b"a")], more=b"GET /2 HTTP/1.1\r\nhost: b\r\n\r\n") is None
    assert learned([(b"host", b"a")], upgrade="websocket") is None
    assert learned([(b"host", b"a")], keep_alive=False) is None


def answered(status: int, lines: bytes, body: bytes = b"{}", *, times: int = 3) -> KnownHead | None:
    """Return what is known of the head of a response that came so often."""
    head = b"HTTP/1.1 %d OK\r\n%bx-once: %b\r\n\r\n" % (status, lines, uuid4().hex.encode())
    parsed = Parsed(httptools.HttpResponseParser, head + body)
    for _ in range(times):
        response = Response(parsed.status, Headers.trusted(parsed.headers.copy()), body)
        known_responses.learn(head + body, len(head), response)
    return RESPONSES.find(head)


def test_the_head_of_a_response_that_comes_again_is_known():
    known = answered(200, b"Content-Length: 2\r\n")
    assert known is not None
    assert (known.status, known.length) == (200, 2)
    assert answered(200, b"Content-Length: 2\r\n", times=1) is None


@pytest.mark.parametrize(
    ("status", "lines", "body"),
    [
        (200, b"Transfer-Encoding: chunked\r\n", b"2\r\n{}\r\n0\r\n\r\n"),
        (200, b"", b"{}"),
        (200, b"Content-Length: 4\r\n", b"{}"),
        (200, b"Content-Length: 2\r\nConnection: close\r\n", b"{}"),
        (200, b"Content-Length: 2\r\nSet-Cookie: a=b\r\n", b"{}"),
        (204, b"Content-Length: 0\r\n", b""),
        (304, b"Content-Length: 2\r\n", b""),
    ],
)
def test_a_response_that_is_not_framed_by_its_length_alone_is_not_remembered(status, lines, body):
    assert answered(status, lines, body) is None


def test_what_follows_an_interim_response_is_not_taken_for_it():
    data = b"HTTP/1.1 100 Continue\r\n\r\n" + b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
    end = data.find(b"\r\n\r\n") + 4
    for _ in range(3):
        known_responses.learn(data, end, Response(200, Headers([(b"content-length", b"0")])))
    assert RESPONSES.find(data[:end]) is None


def test_what_came_once_leaves_no_bytes():
    memory = HeadMemory()
    assert [memory.comes_again(b"a"), memory.comes_again(b"a"), memory.comes_again(b"b")] == [False, True, False]
    assert memory.find(b"a") is None
    assert not memory.comes_again(b"x" * (known_heads.LONGEST + 1))
    assert not memory.comes_again(b"x" * (known_heads.LONGEST + 1))


def test_few_are_remembered_and_not_for_long(monkeypatch):
    memory = HeadMemory()
    for number in range(known_heads.MOST + 1):
        memory.remember(b"%d" % number, KnownHead([]))
    assert [memory.find(b"0"), memory.find(b"%d" % known_heads.MOST)] != [None, None]
    assert sum(memory.find(b"%d" % number) is not None for number in range(known_heads.MOST + 1)) == 1

    now = [1e6]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    memory.age()
    memory.remember(b"a", KnownHead([]))
    memory.comes_again(b"a")
    now[0] += known_heads.SECONDS - 1
    memory.age()
    assert memory.find(b"a") is not None
    now[0] += 1
    memory.age()
    assert memory.find(b"a") is None
    assert not memory.comes_again(b"a")


def test_headers_that_are_changed_are_not_those_that_were_known():
    headers = Headers.trusted([(b"accept", b"1")])
    headers.known = KnownHead([(b"accept", b"1")])
    assert headers.get(b"accept") == b"1"
    headers.set(b"accept", b"2")
    assert (headers.known, headers.get(b"accept")) == (None, b"2")
    headers.known = KnownHead([(b"accept", b"1")])
    headers.add(b"cookie", b"a")
    assert (headers.known, headers.get(b"cookie"), headers.copy().known) == (None, b"a", None)
