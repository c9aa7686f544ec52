"""What request targets mean."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entryway.http import Form, Target, parse_authority, parse_target
from entryway.http.target import checked_target

VISIBLE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=40)


@pytest.mark.parametrize(
    ("method", "target", "expected"),
    [
        ("GET", "/", Target(Form.ORIGIN, "/")),
        ("GET", "/a?b?c", Target(Form.ORIGIN, "/a", "b?c")),
        ("GET", "/a?", Target(Form.ORIGIN, "/a", "")),
        ("GET", "//evil/x", Target(Form.ORIGIN, "//evil/x")),
        ("OPTIONS", "*", Target(Form.ASTERISK)),
        ("CONNECT", "Erp:44300", Target(Form.AUTHORITY, host="erp", port=44300)),
        ("CONNECT", "[::1]:80", Target(Form.AUTHORITY, host="::1", port=80)),
        ("GET", "http://a/b?c", Target(Form.ABSOLUTE, "/b", "c", "http", "a", None)),
        ("GET", "HTTP://A:81", Target(Form.ABSOLUTE, "/", None, "http", "a", 81)),
        ("GET", "http://a?x", Target(Form.ABSOLUTE, "/", "x", "http", "a", None)),
        ("GET", "http://[::1]:8/b", Target(Form.ABSOLUTE, "/b", None, "http", "::1", 8)),
    ],
)
def test_every_form_is_understood(method, target, expected):
    assert parse_target(method, target) == expected


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", ""), ("GET", "*"), ("GET", "a"), ("GET", "a:80"), ("GET", "http://"), ("GET", "http://u@a/"),
        ("GET", "http://a:0/"), ("GET", "http://a:65536/"), ("GET", "http://a:x/"), ("GET", "http://a b/"),
        ("GET", "http:///x"), ("CONNECT", "a"), ("CONNECT", "/"), ("CONNECT", "a:"), ("CONNECT", "http://a:1"),
        ("CONNECT", "u@a:1"), ("CONNECT", ":1"), ("GET", "http://[::1/"), ("GET", "http://a/#f"),
    ],
)  # fmt: skip
def test_what_is_no_target_is_refused(method, target):
    with pytest.raises(ValueError):
        parse_target(method, target)


@given(st.sampled_from(["GET", "OPTIONS", "CONNECT"]), VISIBLE)
def test_any_target_is_understood_or_refused(method, text):
    try:
        target = parse_target(method, text)
    except ValueError:
        return
    if target.form is Form.ORIGIN:
        assert target.origin_form == text
    if target.host is not None:
        assert not set(target.host) & set("/?#@[] ")


@given(st.from_regex(r"[a-z][a-z0-9.\-]{0,10}", fullmatch=True), st.integers(1, 65535), VISIBLE)
def test_an_absolute_target_gives_back_its_parts(host, port, rest):
    path = "/" + rest.replace("#", "")
    target = parse_target("GET", f"http://{host}:{port}{path}")
    assert (target.scheme, target.host, target.port) == ("http", host, port)
    assert target.origin_form == path


def test_an_authority_is_host_and_port():
    assert parse_authority("a") == ("a", None)
    assert parse_authority("[fe80::1]:443") == ("fe80::1", 443)


@given(st.binary(max_size=20))
def test_a_target_on_the_wire_is_visible_ascii(data):
    visible = bool(data) and all(0x21 <= byte <= 0x7E for byte in data)
    if visible:
        assert checked_target(data) == data
    else:
        with pytest.raises(ValueError):
            checked_target(data)
