"""What is said on a control connection is understood, or refused as a whole."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entryway.tunnel.messages import (
    MAX_LINE,
    DialFailed,
    FromConnector,
    FromGateway,
    Goodbye,
    MalformedMessage,
    Open,
    Ping,
    Pong,
    Welcome,
    build_line,
    parse_from_connector,
    parse_from_gateway,
)


@pytest.mark.parametrize(
    "message",
    [Welcome(max_connections=1024, ping_seconds=15), Goodbye(reason="superseded", retry=False), Open(count=4), Ping()],
)
def test_what_a_gateway_says_arrives(message: FromGateway) -> None:
    line = build_line(message)
    assert line.count(b"\n") == 1
    assert len(line) < MAX_LINE
    assert parse_from_gateway(line) == message


@pytest.mark.parametrize("message", [Pong(), DialFailed(count=3)])
def test_what_a_connector_says_arrives(message: FromConnector) -> None:
    assert parse_from_connector(build_line(message)) == message


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"null",
        b"[]",
        b'{"type": "other"}',
        b'{"count": 1}',
        b'{"type": "open", "count": 0}',
        b'{"type": "open", "count": 1000000}',
        b'{"type": "open", "count": "many"}',
        b'{"type": "welcome", "max_connections": 1, "ping_seconds": 0}',
        b'{"type": "goodbye", "reason": "because", "retry": true}',
    ],
)
def test_what_is_no_message_is_refused(line: bytes) -> None:
    with pytest.raises(MalformedMessage):
        parse_from_gateway(line)


def test_each_side_has_its_own_words() -> None:
    with pytest.raises(MalformedMessage):
        parse_from_connector(build_line(Open(count=1)))
    with pytest.raises(MalformedMessage):
        parse_from_gateway(build_line(Pong()))


def test_a_later_version_may_say_more() -> None:
    assert parse_from_gateway(b'{"type": "ping", "since": 3}') == Ping()


@given(st.binary(max_size=200))
def test_nothing_else_comes_out_of_any_bytes(line: bytes) -> None:
    with contextlib.suppress(MalformedMessage):
        assert isinstance(parse_from_connector(line), Pong | DialFailed)
