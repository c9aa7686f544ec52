"""Headers and what may cross a proxy."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entryway.http import HOP_BY_HOP, Headers, end_to_end

NAME = st.text("abcdefghijklmnopqrstuvwxyz-!#$%&'*+.^_`|~0123456789", min_size=1, max_size=12).map(str.encode)
VALUE = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=20).map(
    lambda text: text.encode("latin-1"),
)
HEADERS = st.lists(st.tuples(NAME, VALUE), max_size=12)


def test_names_are_lower_case_and_values_kept_in_order():
    headers = Headers([(b"X-A", b"1"), (b"x-b", b"2"), (b"X-a", b"3")])
    assert headers.raw == [(b"x-a", b"1"), (b"x-b", b"2"), (b"x-a", b"3")]
    assert headers.get(b"x-a") == b"1"
    assert headers.get(b"x-c") is None
    assert headers.all(b"x-a") == [b"1", b"3"]
    assert headers.text("X-B") == "2"
    assert headers.text("x-c") is None
    assert b"x-b" in headers
    assert len(headers) == 3


def test_set_replaces_and_add_appends():
    headers = Headers([(b"a", b"1"), (b"b", b"2"), (b"a", b"3")])
    copy = headers.copy()
    headers.set(b"a", b"4")
    headers.add(b"b", b"5")
    assert headers.raw == [(b"b", b"2"), (b"a", b"4"), (b"b", b"5")]
    assert copy.raw == [(b"a", b"1"), (b"b", b"2"), (b"a", b"3")]


@pytest.mark.parametrize("name", [b"", b"a b", b"a:", b"a\r\n", b"a\0", b"\xc3\xa4", b"(a)"])
def test_a_name_that_is_no_token_is_refused(name):
    with pytest.raises(ValueError):
        Headers([(name, b"x")])
    with pytest.raises(ValueError):
        Headers().set(name, b"x")
    with pytest.raises(ValueError):
        Headers().add(name, b"x")


@pytest.mark.parametrize("value", [b"a\r\nb", b"a\nb", b"a\rb", b"\0", b"\x1b", b"\x7f"])
def test_a_value_with_a_control_character_is_refused(value):
    with pytest.raises(ValueError):
        Headers([(b"x", value)])
    with pytest.raises(ValueError):
        Headers().set(b"x", value)


def test_a_representation_shows_no_value():
    assert "secret" not in repr(Headers([(b"authorization", b"secret")]))


def test_tokens_are_split_trimmed_and_lower_case():
    headers = Headers([(b"connection", b"Keep-Alive ,\tX-A"), (b"connection", b",,x-b,")])
    assert headers.tokens(b"connection") == {b"keep-alive", b"x-a", b"x-b"}


@given(st.lists(NAME, max_size=6), st.sampled_from([b",", b" , ", b",\t", b",,"]))
def test_tokens_are_what_was_joined(names, separator):
    headers = Headers([(b"connection", separator.join(names))])
    assert headers.tokens(b"connection") == frozenset(names)


@given(HEADERS, st.lists(NAME, max_size=4), st.booleans())
def test_nothing_hop_by_hop_crosses_and_all_else_does(pairs, named, shouting):
    listed = b", ".join(name.upper() if shouting else name for name in named)
    headers = Headers(
        [*pairs, (b"Connection", listed), (b"Keep-Alive", b"5"), (b"Upgrade", b"x"), (b"TE", b"trailers")]
    )
    crossed = end_to_end(headers)
    names = {name for name, _ in crossed}
    assert names.isdisjoint(HOP_BY_HOP)
    assert names.isdisjoint(named)
    gone = HOP_BY_HOP | set(named)
    assert crossed.raw == [(name.lower(), value) for name, value in headers if name not in gone]
    assert end_to_end(crossed) == crossed


def test_a_name_to_keep_crosses():
    headers = Headers([(b"proxy-authorization", b"x"), (b"te", b"trailers"), (b"a", b"b")])
    assert end_to_end(headers, keep={b"proxy-authorization"}).raw == [(b"proxy-authorization", b"x"), (b"a", b"b")]
