"""Heads that are read line by line: whatever is taken means to llhttp the same, and few lines are remembered."""

from __future__ import annotations

import httptools
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from entryway.http import known_lines, known_requests, known_responses
from entryway.http.known_lines import read_lines

ANY = st.binary(max_size=6)
NAMES = st.one_of(
    ANY,
    st.sampled_from(b"Host accept X-Own Content-Length Connection Transfer-Encoding Upgrade".split()),
)
VALUES = st.one_of(
    ANY, st.sampled_from([b"a", b"2", b"02", b"+2", b"2, 2", b"keep-alive", b"close", b"chunked", b"a b", b" a", b""])
)
COLONS = st.sampled_from([b": ", b": ", b": ", b":", b" : ", b":\t", b":  "])
LINES = st.one_of(st.tuples(NAMES, COLONS, VALUES).map(b"".join), ANY)
BLOCKS = st.lists(LINES, max_size=4).map(b"\r\n".join)


class Parsed:
    """What llhttp makes of a message."""

    def __init__(self, kind, data: bytes) -> None:
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = b""
        self.complete = 0
        self.parser = kind(self)
        self.parser.feed_data(data)
        self.version = self.parser.get_http_version()
        self.status = self.parser.get_status_code() if kind is httptools.HttpResponseParser else 0

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self.keep_alive = self.parser.should_keep_alive()

    def on_body(self, data: bytes) -> None:
        self.body += data

    def on_message_complete(self) -> None:
        self.complete += 1


@given(BLOCKS)
@example(b"Accept: a\r\nX-Own: \xe9")
@example(b"Accept: a\r\n folded: b")
def test_a_request_whose_lines_are_read_means_to_llhttp_the_same(block):
    raw = read_lines(block)
    if raw is not None and known_requests._may_be_remembered(raw):
        parsed = Parsed(httptools.HttpRequestParser, b"GET / HTTP/1.1\r\n" + block + b"\r\n\r\n")
        assert parsed.headers == raw
        assert (parsed.version, parsed.keep_alive, parsed.complete, parsed.body) == ("1.1", True, 1, b"")


@given(
    st.sampled_from([b"HTTP/1.1 200 OK"] * 3 + [b"HTTP/1.0 200 OK", b"HTTP/1.1 204 No Content", b"HTTP/1.1 200"]),
    st.tuples(BLOCKS, st.sampled_from([b"Content-Length: 2", b"content-length: 02", b"x: y"])).map(b"\r\n".join),
)
@example(b"HTTP/1.1 200 OK", b"content-length: 2\r\ncontent-length: 2\r\ncontent-length: 2")
@example(b"HTTP/1.1 404 Not Found", b"content-length: 2\r\nx-own: a")
@example(b"HTTP/1.1 200 OK", b"content-length: 1_0")
@example(b"HTTP/1.1 200 OK", b"content-length: " + b"9" * 5000)
def test_a_response_whose_lines_are_read_means_to_llhttp_the_same(first, block):
    head = first + b"\r\n" + block + b"\r\n\r\n"
    end = head.find(b"\r\n\r\n") + 4
    read = known_responses.read_new(head + b"{}", end)
    if read is not None and read.length == len(head) + 2 - end:
        parsed = Parsed(httptools.HttpResponseParser, head + b"{}")
        assert parsed.headers == read.headers
        assert (parsed.status, parsed.version, parsed.keep_alive, parsed.complete) == (read.status, "1.1", True, 1)
        assert parsed.body == (head + b"{}")[end:]


def test_heads_that_are_as_they_should_be_are_read():
    assert read_lines(b"Host: a\r\nX-Own: 1") == [(b"host", b"a"), (b"x-own", b"1")]
    head = b'HTTP/1.1 200 OK\r\nETag: "1"\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\n'
    read = known_responses.read_new(head + b"{}", len(head))
    assert read is not None
    assert (read.status, read.length, len(read.headers)) == (200, 2, 3)


@pytest.mark.parametrize(
    "lines",
    [
        b"Transfer-Encoding: chunked",
        b"x-own: 1",
        b"Content-Length: 2\r\nConnection: close",
        b"Content-Length: 2\r\nContent-Length: 2",
        b"Content-Length: 2\r\nUpgrade: h2c",
        b"Content-Length: 2\r\nSet-Cookie: a=b",
        b"Content-Length: 2\r\nx-own : 1",
        b"Content-Length: 2\r\nx-own: \x00",
    ],
)
def test_a_response_that_is_not_framed_by_one_length_alone_is_left_to_llhttp(lines):
    head = b"HTTP/1.1 200 OK\r\n" + lines + b"\r\n\r\n"
    assert known_responses.read_new(head + b"{}", len(head)) is None


def test_few_lines_are_remembered_and_none_that_may_be_a_secret():
    for number in range(3 * known_lines.MOST):
        read_lines(b"Accept: %d" % number)
    secrets = b"Cookie: a=b\r\nAuthorization: Bearer x\r\nX-Own: 1\r\nAccept: " + b"x" * known_lines.LONGEST
    assert read_lines(secrets) is not None
    assert 0 < len(known_lines._lines) <= known_lines.MOST
    assert {name for name, _ in known_lines._lines.values()} <= known_lines._USUAL
    assert max(map(len, known_lines._lines)) <= known_lines.LONGEST
