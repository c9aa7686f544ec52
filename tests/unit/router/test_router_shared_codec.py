"""What is stored of a session: everything that another router needs, sealed for its place."""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entryway.router.backend_cookies import BackendCookie, CookieJar
from entryway.router.sessions import Login
from entryway.router.shared_sessions.codec import (
    cookie_field,
    cookies_of,
    decode_cookie,
    decode_identity,
    encode_cookie,
    encode_identity,
    jars_of,
)
from entryway.router.shared_sessions.keys import Unreadable, derive_shared_keys

KEYS = derive_shared_keys("s" * 64)
LOGIN = Login(
    access_token="a.b.c", refresh_token=None, expires_at=5.5, refresh_at=None, authorization=b"Bearer a.b.c",
    scopes=frozenset({"x", "y"}), claims={"email": "ä@b", "xs.user.attributes": {"a": ["1"]}}, user="ä",
)  # fmt: skip


def different(field: dataclasses.Field) -> object:
    value = getattr(LOGIN, field.name)
    if field.name in {"expires_at", "refresh_at"}:
        return 6.5
    return {str: "other", bytes: b"other", frozenset: frozenset({"z"}), dict: {"k": 1}}.get(type(value), "other")


@pytest.mark.parametrize("field", [field for field in dataclasses.fields(Login) if field.init], ids=lambda f: f.name)
def test_no_part_of_a_login_is_left_out(field):
    login = dataclasses.replace(LOGIN, **{field.name: different(field)})
    assert decode_identity(encode_identity(b"csrf", login)) == (b"csrf", login)


def test_a_session_without_login():
    assert decode_identity(encode_identity(b"csrf", None)) == (b"csrf", None)


def test_what_a_newer_version_added_is_passed_over():
    content = json.loads(encode_identity(b"csrf", LOGIN))
    content["login"]["=invented_later"] = 1
    assert decode_identity(json.dumps(content).encode()) == (b"csrf", LOGIN)


@pytest.mark.parametrize("value", [b"", b"{}", b"[]", b"null", b'{"csrf":1,"login":null}', b'{"csrf":"","login":{}}'])
def test_an_identity_of_another_kind_is_unreadable(value):
    with pytest.raises(Unreadable):
        decode_identity(value)


@given(
    st.dictionaries(
        st.tuples(st.text(min_size=1), st.binary(), st.binary(), st.none() | st.binary()),
        st.tuples(st.binary(), st.binary()),
        max_size=5,
    )
)
def test_cookies_come_back_as_they_were(content):
    cookies = {
        place: BackendCookie(place[1], value, place[2], place[3], host) for place, (value, host) in content.items()
    }
    stored = {cookie_field(KEYS, place): encode_cookie(place, cookie) for place, cookie in cookies.items()}
    assert len(stored) == len(cookies)
    assert dict(map(decode_cookie, stored.values())) == cookies
    assert cookies_of(jars_of(cookies)) == cookies


def test_jars_stay_apart():
    cookie = BackendCookie(b"n", b"v", b"/", None, b"h")
    jars = {"a": CookieJar({(b"n", b"/", None): cookie}), "b": CookieJar()}
    assert jars_of(cookies_of(jars)) == {"a": jars["a"]}


@pytest.mark.parametrize("value", [b"", b"[]", b"5", b'["d",1,"v","/",null,"h"]'])
def test_a_cookie_of_another_kind_is_unreadable(value):
    with pytest.raises(Unreadable):
        decode_cookie(value)


@given(st.binary(max_size=2000), st.binary(max_size=40))
def test_a_seal_holds_in_its_place_only(value, place):
    sealed = KEYS.seal(value, place)
    assert KEYS.unseal(sealed, place) == value
    for wrong in (sealed[:-1], sealed[1:], b"", bytes([sealed[0] ^ 1]) + sealed[1:]):
        with pytest.raises(Unreadable):
            KEYS.unseal(wrong, place)
    with pytest.raises(Unreadable):
        KEYS.unseal(sealed, place + b"x")
    with pytest.raises(Unreadable):
        derive_shared_keys("t" * 64).unseal(sealed, place)


def test_values_are_compact_and_names_say_nothing():
    token = "x" * 3000
    assert len(KEYS.seal(token.encode(), b"")) < 200
    assert KEYS.name(b"session", b"abc") != KEYS.name(b"cookie", b"abc")
    assert b"abc" not in KEYS.name(b"session", b"abc")


def test_what_unpacks_to_more_than_any_session_is_unreadable():
    with pytest.raises(Unreadable):
        KEYS.unseal(KEYS.seal(b"\0" * 2_000_000, b"p"), b"p")


def test_what_stands_for_a_clients_secret_is_the_same_everywhere_and_its_own():
    secrets = {
        KEYS.login_secret("sb-shop!t1"),
        KEYS.login_secret("sb-other!t1"),
        derive_shared_keys("t" * 64).login_secret("sb-shop!t1"),
    }
    assert len(secrets) == 3
    assert KEYS.login_secret("sb-shop!t1") == derive_shared_keys("s" * 64).login_secret("sb-shop!t1")
