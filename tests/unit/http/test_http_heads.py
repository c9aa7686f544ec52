"""How heads and bodies are framed, and that no byte of them begins another line."""

from __future__ import annotations

import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from entryway.http import Body, Headers, heads
from entryway.http.known_heads import KnownHead

BYTES = st.binary(max_size=12)
DATE = b"date: now\r\n"


class Parsed:
    def __init__(self, kind, data):
        self.headers = []
        self.body = b""
        self.target = b""
        self.messages = 0
        kind(self).feed_data(data)

    def on_header(self, name, value):
        self.headers.append((name, value))

    def on_url(self, url):
        self.target += url

    def on_body(self, data):
        self.body += data

    def on_message_complete(self):
        self.messages += 1


def parse_response(data: bytes) -> Parsed:
    return Parsed(httptools.HttpResponseParser, data)


@given(st.lists(st.tuples(BYTES.filter(lambda name: name != b"date"), BYTES), max_size=5))
def test_a_head_is_refused_or_has_just_the_lines_it_was_given(pairs):
    headers = Headers.trusted(pairs)
    try:
        head = heads.response_head(200, headers, b"content-length: 0\r\n", DATE)
    except heads.UnsafeHead:
        assert any(set(b"\r\n\0") & set(name + value) for name, value in pairs)
        return
    ours = {b"connection", b"content-length", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"}
    sent = [pair for pair in pairs if pair[0] not in ours]
    lines = head.split(b"\r\n")
    assert lines[0] == b"HTTP/1.1 200 OK"
    assert lines[1:-2] == [*(name + b": " + value for name, value in sent), b"date: now", b"content-length: 0"]
    assert lines[-2:] == [b"", b""]


@given(
    st.binary(max_size=30),
    st.lists(
        st.tuples(st.sampled_from([b"x-a", b"host", b"expect", b"connection", b"content-length"]), BYTES), max_size=5
    ),
)
def test_a_request_head_is_refused_or_has_one_host_and_our_framing(target, pairs):
    try:
        fields = heads.request_fields(Headers.trusted(pairs), b"a:1")
        head = heads.request_head("POST", target, fields, b"content-length: 3\r\n")
    except heads.UnsafeHead:
        assert set(b"\r\n\0") & set(b"".join(value for _, value in pairs))
        return
    except ValueError:
        assert not target or any(not 0x21 <= byte <= 0x7E for byte in target)
        return
    lines = head.split(b"\r\n")
    assert lines[0] == b"POST " + target + b" HTTP/1.1"
    assert sum(line.startswith(b"host: ") for line in lines) == 1
    assert [line for line in lines if line.startswith(b"content-length: ")] == [b"content-length: 3"]
    assert not any(line.startswith((b"expect: ", b"connection: ")) for line in lines)


@given(st.lists(st.binary(min_size=1, max_size=50), max_size=8), st.integers(1, 7))
def test_chunks_survive_the_round_trip_however_they_are_cut(chunks, cut):
    data = b"HTTP/1.1 200 OK\r\n" + heads.CHUNKED + b"\r\n"
    data += b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    data += heads.last_chunk(Headers([(b"x-sum", b"1"), (b"content-length", b"3"), (b"host", b"x")]))
    parsed = Parsed.__new__(Parsed)
    parsed.headers, parsed.body, parsed.target, parsed.messages = [], b"", b"", 0
    parser = httptools.HttpResponseParser(parsed)
    for start in range(0, len(data), cut):
        parser.feed_data(data[start : start + cut])
    assert parsed.body == b"".join(chunks)
    assert parsed.headers[1:] == [(b"x-sum", b"1")]
    assert parsed.messages == 1


def test_a_trailer_cannot_break_out():
    with pytest.raises(heads.UnsafeHead):
        heads.last_chunk(Headers.trusted([(b"x", b"a\r\n\r\nHTTP/1.1 200 OK")]))


@pytest.mark.parametrize(
    ("method", "status", "body", "http10", "expected"),
    [
        ("GET", 200, b"abc", False, (b"content-length: 3\r\n", True, False)),
        ("GET", 200, b"", False, (b"content-length: 0\r\n", True, False)),
        ("GET", 200, Body(5), False, (b"content-length: 5\r\n", True, False)),
        ("GET", 200, Body(None), False, (heads.CHUNKED, True, True)),
        ("GET", 200, Body(None), True, (b"", True, False)),
        ("HEAD", 200, b"abc", False, (b"content-length: 3\r\n", False, False)),
        ("HEAD", 200, Body(7), False, (b"content-length: 7\r\n", False, False)),
        ("HEAD", 200, Body(None), False, (b"", False, False)),
        ("GET", 204, b"abc", False, (b"", False, False)),
        ("GET", 304, b"", False, (b"", False, False)),
        ("GET", 304, Body(9), False, (b"content-length: 9\r\n", False, False)),
    ],
)
def test_framing_follows_from_method_status_and_body(method, status, body, http10, expected):
    assert heads.response_framing(method, status, body, http10=http10) == expected


def test_a_date_is_added_once():
    assert heads.response_head(200, Headers(), b"", DATE).count(b"date: ") == 1
    given_date = Headers([(b"date", b"then"), (b"date", b"again")])
    head = heads.response_head(200, given_date, b"", DATE)
    assert head.count(b"date: ") == 1
    assert b"date: then\r\n" in head


def test_an_unknown_status_has_no_phrase():
    assert heads.response_head(299, Headers(), b"", DATE).startswith(b"HTTP/1.1 299 \r\n")
    assert parse_response(heads.response_head(299, Headers(), b"content-length: 0\r\n", DATE)).messages == 1


@pytest.mark.parametrize("method", ["GET x", "G\r\n", "", "GÄT"])
def test_a_method_that_is_no_token_is_refused(method):
    with pytest.raises(ValueError):
        heads.request_head(method, b"/", b"host: a\r\n", b"")


def test_a_method_that_is_a_token_is_sent():
    assert heads.request_head("BREW", b"/", b"host: a\r\n", b"").startswith(b"BREW / HTTP/1.1\r\n")


RESPONSE_HEADERS = st.lists(
    st.tuples(
        st.sampled_from([b"date", b"content-length", b"connection", b"server", b"x-a", b"set-cookie", b"x-request-id"]),
        st.sampled_from([b"1", b"2"]),
    ),
    max_size=5,
)


@given(RESPONSE_HEADERS, st.lists(RESPONSE_HEADERS, min_size=1, max_size=4))
def test_a_head_that_came_before_is_written_as_any_other(upstream, answers):
    known = KnownHead(upstream)
    for raw in [*answers, upstream, upstream]:
        head = heads.response_head(200, Headers.trusted(raw), b"content-length: 0\r\n", DATE, known)
        assert head == heads.response_head(200, Headers.trusted(raw), b"content-length: 0\r\n", DATE)


def test_what_was_added_on_the_way_is_not_kept_if_it_may_be_a_secret():
    known = KnownHead([(b"x-a", b"1")])
    for raw in ([(b"x-a", b"1"), (b"set-cookie", b"a=b"), (b"x-request-id", b"1")], [(b"x-csrf-token", b"1")] * 2):
        heads.response_head(200, Headers.trusted(raw), b"", DATE, known)
        assert not known.derived
    heads.response_head(200, Headers.trusted([(b"x-a", b"1"), (b"set-cookie", b"a=b")]), b"", DATE, known)
    assert [written.raw for written in known.derived.values()] == [[(b"x-a", b"1")]]


def test_a_known_head_does_not_let_a_line_break_through():
    known = KnownHead([(b"x-a", b"1")])
    for raw in ([(b"x-a", b"1"), (b"x-request-id", b"1\r\nx: y")], [(b"x-a", b"1\nx: y"), (b"x-request-id", b"1")]):
        with pytest.raises(heads.UnsafeHead):
            heads.response_head(200, Headers.trusted(raw), b"", DATE, known)
