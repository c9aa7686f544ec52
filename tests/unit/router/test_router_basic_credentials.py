"""What is read out of an `Authorization: Basic` header, and what the challenge may hold."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entryway.router.basic import Credentials, parse_credentials, realm_of
from entryway.router.challenge import challenge


def header(text: str, scheme: str = "Basic") -> bytes:
    return f"{scheme} {base64.b64encode(text.encode()).decode()}".encode()


@pytest.mark.parametrize("scheme", ["Basic", "basic", "BASIC"])
def test_the_first_colon_divides_name_and_password(scheme: str):
    assert parse_credentials(header("jörg:pa:ss", scheme)) == Credentials("jörg", "pa:ss")


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"Basic",
        b"Basic ?",
        b"Basic YQ",
        header("no-colon"),
        header(":x"),
        header("a:b\x00"),
        b"Basic " + b"A" * 5000,
        header("a:b", "Bearer"),
    ],
)
def test_everything_else_is_nothing(value: bytes | None):
    assert parse_credentials(value) is None


@given(st.binary(max_size=200))
def test_no_header_is_an_error(value: bytes):
    parse_credentials(b"Basic " + value)


@given(st.text(max_size=50))
def test_no_name_of_an_application_leaves_the_quotes(name: str):
    line = challenge(name)
    assert line.isascii()
    assert b"\r" not in line
    assert b"\n" not in line
    inside = line.removeprefix(b'Basic realm="').removesuffix(b'"').replace(b"\\\\", b"").replace(b'\\"', b"")
    assert b'"' not in inside


@pytest.mark.parametrize(
    "text", ["", "no JSON", "[]", '{"application_name": 1}', '{"uris": [1], "application_name": "a"}']
)
def test_without_a_usable_name_the_realm_is_general(text: str):
    assert realm_of({"VCAP_APPLICATION": text}) == "application"
